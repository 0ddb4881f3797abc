package capture

import (
	"gorm.io/gorm/clause"

	"github.com/gorm-audit/auditplugin/internal/replay"
	"github.com/gorm-audit/auditplugin/internal/statement"
	"github.com/gorm-audit/auditplugin/internal/table"
)

// insertedKeys returns the keys of the inserted rows: as the database returned
// them, as they were sent, or as LastInsertId counts them.
func insertedKeys(s *statement.Statement, vals clause.Values, out statement.Outcome) ([][]any, bool) {
	t := s.Table
	if out.Rows != nil {
		if tuples, ok := returnedKeys(t, out.Rows); ok {
			return tuples, true
		}
	}
	at := make([]int, len(t.Key))
	generated := -1
	for i, k := range t.Key {
		if at[i] = statement.ColumnAt(vals, t.Columns[k].Name); at[i] < 0 {
			if generated >= 0 {
				return nil, false
			}
			generated = i
		}
	}
	rows := vals.Values
	if len(vals.Columns) == 0 {
		rows = [][]any{nil}
	}
	next, ok := firstGenerated(s, out, len(rows))
	step := int64(0) // not known yet
	tuples := make([][]any, 0, len(rows))
	for _, v := range rows {
		tuple := make([]any, len(t.Key))
		for i := range t.Key {
			var value any
			if at[i] >= 0 {
				value = v[at[i]]
			}
			if at[i] < 0 || statement.IsExpression(value) {
				if !ok || !AutoIncrement(t, t.Key[i]) {
					return nil, false
				}
				if step == 0 {
					if step, ok = incrementOf(s, len(rows)); !ok {
						return nil, false
					}
				}
				value = next
				next += step
			}
			tuple[i] = value
		}
		tuples = append(tuples, tuple)
	}
	return tuples, true
}

// incrementOf is by how much the generated keys of one statement differ.
func incrementOf(s *statement.Statement, rows int) (int64, bool) {
	if rows < 2 || s.Dialect.IncrementQuery == "" {
		return 1, true
	}
	n, err := s.Ledger.Int(s.Ctx, s.Dialect.IncrementQuery)
	return n, err == nil && n > 0
}

// AutoIncrement reports whether the database counts the column at a position up.
func AutoIncrement(t *table.Table, at int) bool {
	c, ok := t.Column(at)
	return ok && c.AutoIncrement
}

// firstGenerated is the first key that the database made up.
func firstGenerated(s *statement.Statement, out statement.Outcome, rows int) (int64, bool) {
	if out.Result == nil {
		return 0, false
	}
	id, err := out.Result.LastInsertId()
	if err != nil || id == 0 {
		return 0, false
	}
	if s.Dialect.LastIDIsLast {
		id -= int64(rows) - 1
	}
	return id, true
}

// returnedKeys are the keys in what the application asked to be returned.
func returnedKeys(t *table.Table, set *replay.Set) ([][]any, bool) {
	at := make([]int, len(t.Key))
	for i, k := range t.Key {
		at[i] = -1
		for n, c := range set.Columns {
			if c.Name == t.Columns[k].Name {
				at[i] = n
			}
		}
		if at[i] < 0 {
			return nil, false
		}
	}
	tuples := make([][]any, len(set.Rows))
	for r, raw := range set.Rows {
		tuples[r] = make([]any, len(at))
		for i, n := range at {
			tuples[r][i] = table.Param(t.Rules[t.Key[i]].Normalise(raw[n]), raw[n])
		}
	}
	return tuples, len(at) > 0
}
