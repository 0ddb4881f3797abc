package history

import (
	"context"
	"errors"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gorm-audit/auditplugin/emitter"
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
	if len(t.key) != 1 || id.key == nil || !t.columns[t.key[0]].rule.IsText() || t.tbl.Kind == catalog.Missing {
		return id, nil
	}
	_, err := t.q.ofRow(t.name, id.recordID).rows().First(ctx)
	if err == nil || !errors.Is(err, ErrNotFound) {
		return id, err
	}
	text := strings.TrimRight(values.KeyText(id.key[0]), " ")
	q := t.q.ofTable(t.name).rows().where(func(*builder) (clause.Expression, error) {
		return clause.Expr{SQL: "LOWER(RTRIM(?)) = LOWER(?)", Vars: []any{condition.Column("record_id"), emitter.StoredText("record_id", text)}}, nil
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
		same, err := t.sameKey(ctx, key[0], id.key[0])
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

// sameKey asks the database whether two values are the same key to it. In a union the
// values take on the column's type and collation.
func (t *rowTable) sameKey(ctx context.Context, a, b any) (bool, error) {
	k := t.key[0]
	name := clause.Column{Name: t.columns[k].name}
	first, err := t.argument(ctx, k, a)
	if err != nil {
		return false, err
	}
	second, err := t.argument(ctx, k, b)
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
