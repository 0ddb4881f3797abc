package mysql

import (
	"github.com/gorm-audit/auditplugin/internal/capture"
	"github.com/gorm-audit/auditplugin/internal/statement"
	"github.com/gorm-audit/auditplugin/internal/table"
	"github.com/gorm-audit/auditplugin/internal/values"
)

// keyed runs an UPDATE that leaves its rows' keys alone.
func keyed(s *statement.Statement, names []string) (statement.Outcome, error) {
	out, err := capture.Write(s)
	if err != nil || inferAfter(s, names, out) {
		return out, err
	}
	return out, capture.ReadBack(s)
}

// inferAfter makes the after images of the values that were sent, where MySQL is
// certain to have stored just those: that saves reading every row back. Anything
// that could make the rows other than that is a reason to read them.
func inferAfter(s *statement.Statement, names []string, out statement.Outcome) bool {
	before := &s.Before
	if out.Result == nil || before.Len() == 0 || !s.Predictable(names) {
		return false
	}
	sent, ok := literals(s)
	if !ok {
		return false
	}
	after := make(table.Image, len(s.Table.Columns))
	apply := func(row int) (b table.Image, differs bool) {
		b = before.Image(row)
		copy(after, b)
		for i, v := range sent {
			after[i] = v
		}
		return b, !table.Same(b, after)
	}
	// The server counts the rows that it changed: they have to be these.
	differing := int64(0)
	for row := range before.Len() {
		if _, differs := apply(row); differs {
			differing++
		}
	}
	if affected, err := out.Result.RowsAffected(); err != nil || affected != differing {
		return false
	}
	for row := range before.Len() {
		if b, differs := apply(row); differs {
			s.Log.Note(s.Table, b, after)
		}
	}
	return true
}

// literals are the assigned values by column as they will be read back; not ok if
// one of them is an expression or may be stored as something else.
func literals(s *statement.Statement) (map[int]any, bool) {
	t := s.Table
	sent := map[int]any{}
	for _, a := range s.Assignments() {
		i, ok := t.Index[statement.ColumnName(a)]
		if !ok || statement.IsExpression(a.Value) || !values.Settled(a.Value) {
			return nil, false
		}
		column, _ := t.Column(i)
		stored := values.Stored{
			Type: column.DBType, Size: column.Size, NotNull: column.NotNull, UTF8: column.UTF8, TextJSON: s.Dialect.MariaDB,
		}
		if !stored.Exact(a.Value, s.Before.Location) {
			return nil, false
		}
		sent[i] = t.Rules[i].Normalise(a.Value)
	}
	return sent, true
}
