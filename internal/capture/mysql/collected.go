package mysql

import (
	"strings"

	"github.com/gorm-audit/auditplugin/internal/fault"
	"github.com/gorm-audit/auditplugin/internal/statement"
	"github.com/gorm-audit/auditplugin/internal/table"
)

var errOverflow = fault.Quiet("auditplugin: before images outgrew max_allowed_packet")

// hit is one row that was sent and met another.
type hit struct {
	row  table.Row   // what it met, as it was then
	sent table.Image // what was sent for the columns that were asked for, and nothing else
	key  table.Row   // the key of what it met from then on; empty where it stays
}

// asked is what an upsert is made to note of each hit, beside the row that was met.
type asked struct {
	form HexForm
	sent []int // the columns of which it notes what was sent, by position
	key  bool  // whether it notes the key that the row has afterwards
}

// parse reads what the variable collected. NULL means that it outgrew max_allowed_packet,
// after which nothing is known.
func (a asked) parse(s *statement.Statement, raw [][]any) ([]hit, error) {
	if len(raw) != 1 || len(raw[0]) == 0 || raw[0][0] == nil {
		return nil, s.Unreadable(errOverflow)
	}
	t, text := s.Table, textOf(raw[0][0])
	sent, key := t.Only(a.sent, nil), t.Only(t.Key, nil)
	var hits []hit
	for len(text) > 0 {
		fields, rest, ok := cut(text, '(', ')', len(t.Columns)+len(a.sent))
		if !ok {
			return nil, s.Unreadable(errOverflow)
		}
		h := hit{row: a.form.Row(t, fields[:len(t.Columns)]), sent: make(table.Image, len(t.Columns))}
		for n, v := range a.form.Row(sent, fields[len(t.Columns):]).Image {
			h.sent[a.sent[n]] = v
		}
		if a.key {
			if fields, rest, ok = cut(rest, '[', ']', len(t.Key)); !ok {
				return nil, s.Unreadable(errOverflow)
			}
			h.key = a.form.Row(key, fields)
		}
		hits, text = append(hits, h), rest
	}
	return hits, nil
}

// cut takes n fields in brackets off the front of a text.
func cut(text string, opens, closes byte, n int) (fields []any, rest string, ok bool) {
	end := strings.IndexByte(text, closes)
	if text == "" || text[0] != opens || end < 0 {
		return nil, "", false
	}
	for f := range strings.SplitSeq(text[1:end], ",") {
		fields = append(fields, f)
	}
	return fields, text[end+1:], len(fields) == n
}
