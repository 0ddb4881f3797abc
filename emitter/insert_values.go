package emitter

import (
	"math/bits"
	"strconv"
	"strings"

	"github.com/gorm-audit/auditplugin/internal/dialect"
	"github.com/gorm-audit/auditplugin/internal/entry"
)

// valuesInserter writes INSERT … VALUES (?,…),(?,…) where a parameter is
// one value. Its statements come in few lengths, powers of two, so that a connection which
// remembers statements parses each once.
type valuesInserter struct {
	as   encoding
	into string // INSERT INTO the table's columns
	most int    // rows of the longest statement, as a power of two
	// numbered placeholders, which SQLite has, allow to send once what all rows
	// share.
	numbered bool
	// derived allows many rows to come from a derived table, to the same end.
	derived bool
	forms   forms
}

// maxPower bounds how many rows a statement has, whatever the database takes:
// 1 << maxPower.
const maxPower = 8

func newValuesInserter(name string, table dialect.Table) *valuesInserter {
	facts := dialect.FactsOf(name)
	v := &valuesInserter{
		as: encoding{layout: facts.MomentLayout}, most: min(maxPower, bits.Len(uint(facts.MostRows))-1), numbered: facts.MarksRepeat,
		into: facts.InsertInto + table.Quoted(name) + " (" + dialect.List(name, "", Columns()[1:]) + ") ",
	}
	v.forms.build = v.build
	return v
}

// build makes the INSERT of 1 << power rows. The shared columns are its first
// arguments.
func (v *valuesInserter) build(f form, power int) string {
	if v.sharesByDerived(f, power) {
		return v.buildDerived(f, 1<<power)
	}
	var b strings.Builder
	b.WriteString(v.into + "VALUES ")
	next := 0
	for at := range entry.Columns {
		if f.sharedArgument(at) {
			next++
		}
	}
	for n := range 1 << power {
		if n > 0 {
			b.WriteByte(',')
		}
		b.WriteByte('(')
		common := 0
		for at := range entry.Columns {
			if at > 0 {
				b.WriteByte(',')
			}
			if f.literal.has(at) {
				b.WriteString(literalText(at))
				continue
			}
			b.WriteByte('?')
			if f.shared == 0 {
				continue
			}
			counter := &next
			if f.shared.has(at) {
				counter = &common
			}
			*counter++
			b.WriteString(strconv.Itoa(*counter))
		}
		b.WriteByte(')')
	}
	return b.String()
}

// sharesByDerived reports whether a statement has what its rows share once, in a derived
// table.
func (v *valuesInserter) sharesByDerived(f form, power int) bool {
	return v.derived && power >= minPowerDerived && f.shared&^f.literal != 0
}

func (f form) sharedArgument(at int) bool { return f.shared.has(at) && !f.literal.has(at) }

func (f form) ownArgument(at int) bool { return !f.shared.has(at) && !f.literal.has(at) }

func (v *valuesInserter) chunk(n int) int { return 1 << v.power(n) }

// power is the greatest power of two that is not above n, and not above the most.
func (v *valuesInserter) power(n int) int {
	p := 0
	for p < v.most && 2<<p <= n {
		p++
	}
	return p
}

func (v *valuesInserter) statement(entries []entry.Entry, shared *boxes) (string, []any) {
	f, power := formOf(entries), v.power(len(entries))
	if !v.numbered && !v.sharesByDerived(f, power) {
		f.shared = 0
	}
	query, f := v.forms.text(f, power)
	args := make([]any, 0, f.arguments(len(entries)))
	for at := range entry.Columns {
		if f.sharedArgument(at) {
			args = append(args, shared.value(&entries[0], at, v.as))
		}
	}
	for i := range entries {
		for at := range entry.Columns {
			if f.ownArgument(at) {
				args = append(args, shared.value(&entries[i], at, v.as))
			}
		}
	}
	return query, args
}

// arguments is how many a statement of so many rows has.
func (f form) arguments(rows int) int {
	n := 0
	for at := range entry.Columns {
		switch {
		case f.sharedArgument(at):
			n++
		case f.ownArgument(at):
			n += rows
		}
	}
	return n
}
