package history

import (
	"context"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// withoutKey goes through the rows in whose keys something is NULL, behind which there is no
// next page. They are few, if any.
func (a *asOfRows) withoutKey(ctx context.Context) error {
	t := a.t
	var null []clause.Expression
	for _, c := range t.nullableKey() {
		null = append(null, clause.Eq{Column: c, Value: nil})
	}
	if len(null) == 0 {
		return nil
	}
	rows, err := t.selectRows(ctx, func(tx *gorm.DB) *gorm.DB { return tx.Where(clause.Or(null...)).Scopes(t.settings.scopes...) })
	if err != nil {
		return err
	}
	for _, raw := range rows {
		if _, err := certain(t.identifyKey(t.keyOf(raw))); err != nil {
			return err
		}
	}
	return a.page(ctx, rows)
}

func (t *rowTable) nullableKey() (columns []clause.Column) {
	for _, k := range t.key {
		if !t.columns[k].notNull {
			columns = append(columns, clause.Column{Name: t.columns[k].name})
		}
	}
	return columns
}

// behindKey is (a > ?) OR (a = ? AND b > ?) …
func (t *rowTable) behindKey(last []any) clause.Expression {
	var alternatives []clause.Expression
	for n := range t.key {
		var parts []clause.Expression
		for i := range n {
			parts = append(parts, clause.Eq{Column: clause.Column{Name: t.columns[t.key[i]].name}, Value: last[i]})
		}
		parts = append(parts, clause.Gt{Column: clause.Column{Name: t.columns[t.key[n]].name}, Value: last[n]})
		alternatives = append(alternatives, clause.And(parts...))
	}
	if len(alternatives) == 1 {
		return alternatives[0]
	}
	return clause.Or(alternatives...)
}
