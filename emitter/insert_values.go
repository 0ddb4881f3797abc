package emitter

import (
	"strconv"
	"strings"
)

// valuesInserter writes INSERT … VALUES (?,…),(?,…) for SQLite and MySQL. Its
// statements come in few lengths, powers of two, so that a connection which
// remembers statements parses each once.
type valuesInserter struct {
	layout string
	most   int // rows of the longest statement, as a power of two
	// whole and shared are the statements by the power of two of their rows.
	// Those of shared, which SQLite's numbered placeholders allow, have the
	// columns that all rows share once.
	whole, shared [maxPower + 1]string
}

// maxPower bounds how many rows a statement has: 1 << maxPower. SQLite takes as long
// to parse a row as to store one, and gains nothing by long statements.
const (
	maxPower       = 6
	maxPowerSQLite = 4
)

func newValuesInserter(dialect string, table tableName, layout string) *valuesInserter {
	v := &valuesInserter{layout: layout, most: maxPower}
	if dialect == sqlite {
		v.most = maxPowerSQLite
	}
	head := "INSERT INTO " + table.quoted(dialect) + " (" + list(dialect, Columns()[1:]) + ") VALUES "
	one := "(" + strings.Repeat("?,", insertedColumns-1) + "?)"
	for p := range v.most + 1 {
		v.whole[p] = head + one + strings.Repeat(","+one, 1<<p-1)
		if dialect == sqlite {
			v.shared[p] = head + numbered(1<<p)
		}
	}
	return v
}

// numbered writes rows whose shared columns are the first arguments.
func numbered(rows int) string {
	var b strings.Builder
	next := insertedColumns - len(perRow)
	for n := range rows {
		common := 0
		for c := range insertedColumns {
			switch {
			case c > 0:
				b.WriteString(",?")
			case n > 0:
				b.WriteString(",(?")
			default:
				b.WriteString("(?")
			}
			at := &common
			if isPerRow(c) {
				at = &next
			}
			*at++
			b.WriteString(strconv.Itoa(*at))
		}
		b.WriteByte(')')
	}
	return b.String()
}

func (v *valuesInserter) chunk(n int) int { return 1 << v.power(n) }

// power is the greatest power of two that is not above n, and not above the most.
func (v *valuesInserter) power(n int) int {
	p := 0
	for p < v.most && 2<<p <= n {
		p++
	}
	return p
}

func (v *valuesInserter) statement(rows []row) (string, []any) {
	p := v.power(len(rows))
	if v.shared[p] == "" || !sharing(rows) {
		args := make([]any, 0, len(rows)*insertedColumns)
		for i := range rows {
			for c := range insertedColumns {
				args = append(args, rows[i].value(c, v.layout))
			}
		}
		return v.whole[p], args
	}
	args := make([]any, 0, insertedColumns+(len(rows)-1)*len(perRow))
	for c := range insertedColumns {
		if !isPerRow(c) {
			args = append(args, rows[0].value(c, v.layout))
		}
	}
	for i := range rows {
		for _, c := range perRow {
			args = append(args, rows[i].value(c, v.layout))
		}
	}
	return v.shared[p], args
}
