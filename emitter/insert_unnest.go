package emitter

import (
	"strconv"
	"strings"

	"github.com/gorm-audit/auditplugin/internal/dialect"
	"github.com/gorm-audit/auditplugin/internal/entry"
)

// unnestInserter writes one row as VALUES, and several as INSERT … SELECT … FROM
// unnest($1::text[], …): one array per column, and the columns that all rows share
// as they are. The text of the statements does not depend on the number of rows, so
// that drivers which cache statements hold few of ours, and it is the fastest for
// many rows. Everything is passed as text, which every driver can: they send a text
// as it is for a parameter of whatever type.
type unnestInserter struct {
	head  string
	kinds [entry.Columns]kind
	forms forms
}

// The lengths of a form: one row, or several.
const (
	oneRow = iota
	severalRows
)

func newUnnestInserter(name string, table dialect.Table) *unnestInserter {
	p := &unnestInserter{head: "INSERT INTO " + table.Quoted(name) + " (" + dialect.List(name, "", Columns()[1:]) + ") "}
	for at, c := range columns()[1:] {
		p.kinds[at] = c.kind
	}
	p.forms.build = p.build
	return p
}

// cast is a column's type, or "" where text needs none.
func (p *unnestInserter) cast(at int, parameter bool) string {
	switch p.kinds[at] {
	case kindTime:
		return "::timestamptz"
	case kindJSON:
		return "::jsonb"
	case kindInt:
		return "::integer"
	case kindText, kindSeq:
	}
	if parameter {
		return "::text"
	}
	return ""
}

func (p *unnestInserter) build(f form, length int) string {
	var values, arrays, aliases []string
	next := 0
	parameter := func() string { next++; return "$" + strconv.Itoa(next) }
	shared := make(map[int]string)
	for at := range entry.Columns {
		if f.sharedArgument(at) {
			shared[at] = parameter() + p.cast(at, true)
		}
	}
	for at := range entry.Columns {
		switch {
		case f.literal.has(at) && entry.IsJSON(at):
			values = append(values, "NULL::jsonb")
		case f.literal.has(at):
			values = append(values, literalText(at))
		case f.shared.has(at):
			values = append(values, shared[at])
		case length == oneRow:
			values = append(values, parameter()+p.cast(at, true))
		default:
			alias := "c" + strconv.Itoa(at)
			arrays, aliases = append(arrays, p.array(at, parameter())), append(aliases, alias)
			values = append(values, "r."+alias+p.cast(at, false))
		}
	}
	if length == oneRow {
		return p.head + "VALUES (" + strings.Join(values, ",") + ")"
	}
	return p.head + "SELECT " + strings.Join(values, ",") + " FROM unnest(" + strings.Join(arrays, ",") +
		") WITH ORDINALITY AS r(" + strings.Join(aliases, ",") + ",n) ORDER BY r.n"
}

// array is a column's parameter as an array of texts. JSON comes as lines, which the
// server takes apart three times as fast as an array in which each quote is escaped:
// the encoder writes no line feed. An empty line is NULL.
func (p *unnestInserter) array(at int, parameter string) string {
	if entry.IsJSON(at) {
		return "string_to_array(" + parameter + "::text,chr(10),'')"
	}
	return parameter + "::text[]"
}

func (p *unnestInserter) chunk(n int) int { return n }

const postgresTime = "2006-01-02T15:04:05.000000Z"

func (p *unnestInserter) statement(entries []entry.Entry, shared *boxes) (string, []any) {
	length := oneRow
	if len(entries) > 1 {
		length = severalRows
	}
	query, f := p.forms.text(formOf(entries), length)
	args := make([]any, 0, f.arguments(1))
	as := encoding{layout: postgresTime, text: true}
	for at := range entry.Columns {
		if f.sharedArgument(at) {
			args = append(args, shared.value(&entries[0], at, as))
		}
	}
	for at := range entry.Columns {
		switch {
		case !f.ownArgument(at):
		case length == oneRow:
			args = append(args, shared.value(&entries[0], at, as))
		default:
			args = append(args, columnOf(entries, at))
		}
	}
	return query, args
}

// columnOf is a column of entries as the parameter that array takes.
func columnOf(entries []entry.Entry, at int) string {
	if entry.IsJSON(at) {
		return lines(entries, at)
	}
	return elements(entries, at)
}

// lines is a column of JSON, each text a line.
func lines(entries []entry.Entry, at int) string {
	size := len(entries)
	for i := range entries {
		size += len(entries[i].Text(at))
	}
	var b strings.Builder
	b.Grow(size)
	for i := range entries {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(entries[i].Text(at))
	}
	return b.String()
}

// elements is a column of entries in PostgreSQL's text form of arrays.
func elements(entries []entry.Entry, at int) string {
	size := 2
	for i := range entries {
		text := entries[i].Text(at)
		size += len(text) + len(text)/4 + 8
	}
	if at == entry.AtTime {
		size += len(entries) * len(postgresTime)
	}
	b := make([]byte, 0, size)
	b = append(b, '{')
	for i := range entries {
		if i > 0 {
			b = append(b, ',')
		}
		e := &entries[i]
		switch at {
		case entry.AtTime:
			b = append(b, '"')
			b = e.Shared.Time.AppendFormat(b, postgresTime)
			b = append(b, '"')
		case entry.AtVersion:
			b = strconv.AppendInt(b, int64(e.Shared.Version), 10)
		default:
			b = appendElement(b, e.Text(at))
		}
	}
	return string(append(b, '}'))
}

// appendElement quotes s as an element of PostgreSQL's text form of arrays.
func appendElement(array []byte, s string) []byte {
	array = append(array, '"')
	start := 0
	for i := range len(s) {
		if c := s[i]; c == '"' || c == '\\' {
			array = append(array, s[start:i]...)
			array = append(array, '\\')
			start = i
		}
	}
	array = append(array, s[start:]...)
	return append(array, '"')
}
