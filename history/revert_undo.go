package history

import (
	"context"
	"reflect"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gorm-audit/auditplugin/internal/dialect"
)

// reverter undoes records inside a transaction.
type reverter struct {
	db       *gorm.DB
	named    string // the table that the handle names, or ""
	settings settings
	done     *Reverted
	tables   map[string]*rowTable
	deferred []*rowTable           // whose foreign keys are checked at the end
	columns  map[string]bool       // those of Columns that a table has
	involved map[string][]*undoing // rows that are set back together, by table
}

// lock makes the transaction a writer before it reads, where there is one at a time: one
// that reads first fails at once when another writer came between. No row of an audit table is
// deleted, and none of the application's tables named, which would be recorded.
func (v *reverter) lock(ctx context.Context) error {
	q := v.settings.ask(Search(v.db))
	if !v.facts().OneWriter || q.in != nil || q.err != nil {
		return q.err
	}
	tx := v.db.Session(&gorm.Session{NewDB: true, Context: ctx})
	return tx.Exec("DELETE FROM ? WHERE 1 = 0", clause.Table{Name: q.auditTable()}).Error
}

func (v *reverter) facts() *dialect.Facts { return dialect.FactsOf(v.db.Name()) }

// table opens the table that records are about.
func (v *reverter) table(ctx context.Context, name string) (*rowTable, error) {
	if t, ok := v.tables[name]; ok {
		return t, nil
	}
	s, full, err := v.model(ctx, name)
	if err != nil {
		return nil, err
	}
	t, err := openTable(ctx, v.db, v.settings, s, full)
	if err != nil {
		return nil, err
	}
	v.tables[name] = t
	return t, nil
}

// recordedKey takes the key from the image of a whole row; nil if it is redacted.
func (t *rowTable) recordedKey(columns map[string]any) []any {
	key := make([]any, len(t.key))
	for n, k := range t.key {
		v, ok := columns[t.columns[k].name]
		if c := t.fromRecord(k, v); ok && c.state == known {
			key[n] = c.value
			continue
		}
		return nil
	}
	return key
}

// wanted are the cells that a recorded image gives.
func (t *rowTable) wanted(columns map[string]any) map[int]cell {
	want := make(map[int]cell, len(columns))
	if allTruncated(columns) {
		for i := range t.columns {
			want[i] = cell{state: lost}
		}
		return want
	}
	for name, v := range columns {
		if i, ok := t.index[name]; ok {
			want[i] = t.fromRecord(i, v)
		}
	}
	return want
}

// newModel is what GORM is told the table's model is.
func (t *rowTable) newModel() any {
	if t.schema == nil {
		return map[string]any{}
	}
	return reflect.New(t.schema.ModelType).Interface()
}

// keyCondition finds the rows with the given keys.
func (t *rowTable) keyCondition(ctx context.Context, keys [][]any) (clause.Expression, error) {
	columns := make([]clause.Column, len(t.key))
	for n, k := range t.key {
		columns[n] = clause.Column{Table: clause.CurrentTable, Name: t.columns[k].name}
	}
	rows := make([][]any, len(keys))
	for i, key := range keys {
		rows[i] = make([]any, len(key))
		for n, v := range key {
			var err error
			if rows[i][n], err = t.argument(ctx, t.key[n], v); err != nil {
				return nil, err
			}
		}
	}
	return oneOfRows(columns, rows), nil
}
