package sqlite

import (
	"gorm.io/gorm/clause"

	"github.com/gorm-audit/auditplugin/internal/capture"
	"github.com/gorm-audit/auditplugin/internal/replay"
	"github.com/gorm-audit/auditplugin/internal/statement"
	"github.com/gorm-audit/auditplugin/internal/table"
)

// rehearsal is the savepoint that an upsert is undone to.
const rehearsal = "auditplugin_rehearsal"

// rehearse runs an upsert to see which rows it returns, undoes it, and reads those as they
// are. It is for tables where a row may be met by an expression, another collation, a
// generated column, a default or a trigger.
func rehearse(s *statement.Statement, query string, vals clause.Values) ([]table.Row, error) {
	t := s.Table
	if len(t.Key) == 0 || !t.Catalog.Triggered && foreseeable(s, vals) {
		return nil, nil
	}
	if err := s.Ledger.SetPoint(s.Ctx, rehearsal); err != nil {
		return nil, s.Unreadable(err)
	}
	var keys [][]any
	err := s.Ledger.Each(s.Ctx, query, s.Args, 0, func(raw []any) error {
		row := replay.Clone(raw[len(raw)-len(t.Columns):])
		keys = append(keys, t.KeyParams(t.Normalise(row), row))
		return nil
	})
	undone := s.Ledger.RollbackTo(s.Ctx, rehearsal)
	s.Ledger.Forget(rehearsal)
	if undone == nil {
		undone = s.Ledger.Exec(s.Ctx, "RELEASE SAVEPOINT "+rehearsal)
	}
	if undone != nil {
		return nil, s.Unreadable(undone)
	}
	if err != nil {
		return nil, nil //nolint:nilerr // it will fail again, as the application's own
	}
	return s.ReadByKey(t, keys)
}

// foreseeable reports whether the rows that an upsert may meet are all found by columns that
// it sends.
func foreseeable(s *statement.Statement, vals clause.Values) bool {
	t := s.Table
	if t.Catalog.PartialUniques {
		return false
	}
	for _, unique := range capture.Uniques(s) {
		for _, name := range unique {
			at, known := t.At(name)
			if !known {
				return false
			}
			if statement.ColumnAt(vals, name) < 0 && !(len(unique) == 1 && capture.AutoIncrement(t, at)) {
				return false
			}
		}
	}
	return true
}
