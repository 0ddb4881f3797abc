package mysql

import (
	"strings"

	"gorm.io/gorm/clause"

	"github.com/gorm-audit/auditplugin/internal/capture"
	"github.com/gorm-audit/auditplugin/internal/fault"
	"github.com/gorm-audit/auditplugin/internal/statement"
	"github.com/gorm-audit/auditplugin/internal/table"
)

var errOverflow = fault.Quiet("auditplugin: before images outgrew max_allowed_packet")

// met is what an upsert met: rows that were there before, rows of its own that it had
// inserted, and how many of the rows that were sent met one.
type met struct {
	before, own []table.Row
	hits        int
	times       map[string]int // by identity, how often a row was met
}

// parseCollected reads what the variable collected. NULL means that it outgrew
// max_allowed_packet, after which nothing is known. after, where known, has one row for
// each row sent.
func parseCollected(s *statement.Statement, form HexForm, raw [][]any, vals clause.Values, after ...table.Row) (m met, err error) {
	if len(raw) != 1 || len(raw[0]) == 0 || raw[0][0] == nil {
		return met{}, s.Unreadable(errOverflow)
	}
	text := textOf(raw[0][0])
	var rows []table.Row
	for len(text) > 0 {
		end := strings.IndexByte(text, ')')
		if text[0] != '(' || end < 0 {
			return met{}, s.Unreadable(errOverflow)
		}
		fields := strings.Split(text[1:end], ",")
		if len(fields) != len(s.Table.Columns) {
			return met{}, s.Unreadable(errOverflow)
		}
		anys := make([]any, len(fields))
		for i, f := range fields {
			anys[i] = f
		}
		rows = append(rows, form.Row(s.Table, anys))
		text = text[end+1:]
	}
	m.hits = len(rows)
	m.times = make(map[string]int, len(rows))
	for _, r := range rows {
		m.times[s.Table.Identity(r.Image)]++
	}
	returned := make(map[string]int, len(after))
	for _, r := range after {
		returned[s.Table.Identity(r.Image)]++
	}
	// The first image of a row that was hit twice is the one before the statement.
	rows = s.Table.Unique(rows)
	sent := sentTwice(s, vals)
	for _, r := range rows {
		// Hit once less than sent: the statement itself inserted it.
		if id := s.Table.Identity(r.Image); m.times[id] < max(sent(r.Image), returned[id]) {
			m.own = append(m.own, r)
		} else {
			m.before = append(m.before, r)
		}
	}
	return m, nil
}

// sentTwice returns how often VALUES holds the unique keys of a row, 0 for once.
func sentTwice(s *statement.Statement, vals clause.Values) func(table.Image) int {
	type counted struct {
		at     []int
		counts map[string]int
	}
	var all []counted
	for _, unique := range capture.Uniques(s) {
		at := s.Table.Positions(unique)
		tuples := statement.TuplesOf(vals, unique)
		if at == nil || len(tuples) < 2 {
			continue
		}
		c := counted{at, make(map[string]int, len(tuples))}
		for _, tuple := range tuples {
			img := make(table.Image, len(s.Table.Columns))
			for i, k := range at {
				img[k] = s.Table.Rules[k].Normalise(tuple[i])
			}
			if !img.HasNull(at) {
				c.counts[img.Identity(at)]++
			}
		}
		all = append(all, c)
	}
	return func(img table.Image) int {
		most := 0
		for _, c := range all {
			if n := c.counts[img.Identity(c.at)]; n > 1 && !img.HasNull(c.at) {
				most = max(most, n)
			}
		}
		return most
	}
}
