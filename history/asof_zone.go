package history

import (
	"context"
	"fmt"
	"strings"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gorm-audit/auditplugin/internal/values"
)

// clock says how the driver gives times of a column, which its settings decide: it is
// asked for one of the column's type, once for each.
func (t *rowTable) clock(ctx context.Context, i int) (values.Clock, error) {
	c := &t.columns[i]
	if !c.rule.IsTime() {
		return values.Clock{Zone: time.UTC}, nil
	}
	if known, ok := t.clocks[c.dbType]; ok {
		return known, nil
	}
	found := values.Clock{Zone: time.UTC}
	if query := t.probe(ctx, i); query != nil {
		given, err := firstValue(query)
		if err != nil {
			return found, fmt.Errorf("auditplugin: asking for the driver's time zone: %w", err)
		}
		switch at := given.(type) {
		case time.Time:
			found.Zone = at.Location()
		case []byte:
			found.Text = true
		}
	}
	if t.clocks == nil {
		t.clocks = map[string]values.Clock{}
	}
	t.clocks[c.dbType] = found
	return found, nil
}

// probe asks for a time that the driver takes for one of the column's type.
func (t *rowTable) probe(ctx context.Context, i int) *gorm.DB {
	tx := t.db.Session(&gorm.Session{NewDB: true, Context: ctx})
	if t.facts.TimeProbe == nil {
		return nil
	}
	query := t.facts.TimeProbe(t.columns[i].dbType)
	if !strings.Contains(query, "?") {
		return tx.Raw(query)
	}
	if len(t.tbl.Columns) == 0 {
		return nil
	}
	column := tableOn(t.db.Session(&gorm.Session{NewDB: true, Context: ctx}), t.name).Where("1 = 0").
		Clauses(clause.Select{Expression: clause.Expr{SQL: "?", Vars: []any{clause.Column{Name: t.columns[i].name}}}})
	return tx.Raw(query, column)
}

// firstValue is what the driver gives for the first column of the first row.
func firstValue(query *gorm.DB) (any, error) {
	rows, err := query.Rows()
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }() // one row
	var v any
	if rows.Next() {
		if err := rows.Scan(&v); err != nil {
			return nil, err
		}
	}
	return v, rows.Err()
}
