package history

import (
	"context"
	"errors"
	"slices"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gorm-audit/auditplugin/history/internal/condition"
	"github.com/gorm-audit/auditplugin/internal/catalog"
	"github.com/gorm-audit/auditplugin/internal/values"
)

// find names the row whose key model holds, and reads it: nil when there is none now.
// A key may be spelt otherwise than it is stored (padded, in another case, with a finer
// time); records name a row by what is stored.
func (t *rowTable) find(ctx context.Context, model any, lock bool) (rowID, []any, error) {
	id, err := t.idOf(ctx, model)
	if err != nil {
		return id, nil, err
	}
	for n, k := range t.key {
		if _, ok := t.columns[k].emptyKey(); !ok && !t.columns[k].notNull && n < len(id.key) && values.KeyText(id.key[n]) == "" {
			_, err := certain(recordTarget{table: t.name, blurred: true}, nil)
			return id, nil, err
		}
	}
	present, err := t.one(ctx, id.key, lock)
	if err != nil {
		return id, nil, err
	}
	if present != nil {
		stored, err := t.identify(t.keyOf(present))
		return stored, present, err
	}
	id, err = t.spelling(ctx, id)
	return id, nil, err
}

// spelling finds out how the records spell the key of a row that is gone, where the
// database takes several spellings for the same.
func (t *rowTable) spelling(ctx context.Context, id rowID) (rowID, error) {
	if id.key == nil || t.tbl.Kind == catalog.Missing || !slices.ContainsFunc(t.key, func(k int) bool { return t.columns[k].rule.IsText() }) {
		return id, nil
	}
	_, err := t.q.ofRow(t.name, id.recordID).rows().First(ctx)
	if err == nil || !errors.Is(err, ErrNotFound) {
		return id, err
	}
	// At least those that pad it, or write it in another case.
	text := strings.ReplaceAll(id.recordID, " ", "")
	q := t.q.ofTable(t.name).rows().where(func(*builder) (clause.Expression, error) {
		return clause.Expr{SQL: "LOWER(REPLACE(?, ' ', '')) = LOWER(?)", Vars: []any{condition.Column("record_id"), text}}, nil
	})
	found, err := t.recordIDs(ctx, q, maxSpellings)
	if err != nil {
		return id, err
	}
	for _, recordID := range found {
		key := t.keyOfID(recordID)
		if key == nil {
			continue
		}
		same, err := t.sameValues(ctx, t.key, key, id.key)
		if err != nil {
			return id, err
		}
		if same {
			return rowID{recordID: recordID, key: key}, nil
		}
	}
	return id, nil
}

// maxSpellings bounds how many are compared.
const maxSpellings = 10

// sameValues reports whether two rows' values of some columns are the same to the database.
func (t *rowTable) sameValues(ctx context.Context, columns []int, a, b []any) (bool, error) {
	for n, i := range columns {
		same := values.KeyText(a[n]) == values.KeyText(b[n])
		if !same && t.columns[i].rule.IsText() {
			var err error
			if same, err = t.sameText(ctx, i, a[n], b[n]); err != nil {
				return false, err
			}
		}
		if !same {
			return false, nil
		}
	}
	return true, nil
}

// sameText asks the database whether two values of a column are the same to it. In a union
// the values take on the column's type and collation.
func (t *rowTable) sameText(ctx context.Context, i int, a, b any) (bool, error) {
	name := clause.Column{Name: t.columns[i].name}
	first, err := t.argument(ctx, i, a)
	if err != nil {
		return false, err
	}
	second, err := t.argument(ctx, i, b)
	if err != nil {
		return false, err
	}
	typed := tableOn(t.db.Session(&gorm.Session{NewDB: true, Context: ctx}), t.name).Where("1 = 0").
		Clauses(clause.Select{Expression: clause.Expr{SQL: "? AS k", Vars: []any{name}}})
	rows, err := t.db.WithContext(ctx).Raw("SELECT 1 FROM (? UNION ALL SELECT ?) AS x WHERE x.k = ?",
		typed, first, second).Rows()
	if err != nil {
		return false, err
	}
	defer func() { _ = rows.Close() }() // one row
	same := rows.Next()
	return same, rows.Err()
}
