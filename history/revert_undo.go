package history

import (
	"context"
	"fmt"
	"reflect"
	"slices"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/internal/values"
)

// reverter undoes records inside a transaction.
type reverter struct {
	db       *gorm.DB
	settings settings
	done     *Reverted
	tables   map[string]*rowTable
	columns  map[string]bool // those of Columns that a table has
}

// lock makes a SQLite transaction a writer before it reads: one that reads first
// fails at once when another writer came between. No row of an audit table is
// deleted, and none of the application's tables named, which would be recorded.
func (v *reverter) lock(ctx context.Context) error {
	q := v.settings.ask(Search(v.db))
	if v.db.Name() != "sqlite" || q.in != nil || q.err != nil {
		return q.err
	}
	tx := v.db.Session(&gorm.Session{NewDB: true, Context: ctx})
	return tx.Exec("DELETE FROM ? WHERE 1 = 0", clause.Table{Name: q.auditTable()}).Error
}

// table opens the table that records are about.
func (v *reverter) table(ctx context.Context, name string) (*rowTable, error) {
	if t, ok := v.tables[name]; ok {
		return t, nil
	}
	s, err := v.model(name)
	if err != nil {
		return nil, err
	}
	full := name
	if s != nil {
		full = s.Table
	}
	t, err := openTable(ctx, v.db, v.settings, s, full)
	if err != nil {
		return nil, err
	}
	v.tables[name] = t
	return t, nil
}

// model finds the model of a table; nil for one that needs none.
func (v *reverter) model(name string) (*schema.Schema, error) {
	for _, m := range v.settings.revert.models {
		s, err := schemaOf(v.db, m)
		if err != nil {
			return nil, err
		}
		if bareTable(s.Table) == name {
			return s, nil
		}
		for _, rel := range s.Relationships.Relations {
			if rel.JoinTable != nil && bareTable(rel.JoinTable.Table) == name {
				return rel.JoinTable, nil
			}
		}
	}
	if p, ok := v.db.Plugins["auditplugin"].(interface {
		SchemaOf(table string) *schema.Schema
	}); ok {
		if s := p.SchemaOf(name); s != nil {
			return s, nil
		}
	}
	if slices.Contains(v.settings.revert.tables, name) {
		return nil, nil
	}
	return nil, fmt.Errorf("%w %q: name it with history.Models", ErrNoModel, name)
}

// undo takes back what one record says.
func (v *reverter) undo(ctx context.Context, r audit.Record) error {
	t, err := v.table(ctx, r.Table)
	if err != nil {
		return err
	}
	id := rowID{recordID: r.RecordID, key: t.keyOfID(r.RecordID)}
	if moved, ok := t.movedTo(id, &r); ok {
		id = moved
	}
	if r.Action == audit.Delete {
		if key := t.recordedKey(r.Before); key != nil {
			id.key = key
		}
	}
	if id.key == nil {
		return fmt.Errorf("%w: the key of table %q", ErrRedacted, t.bare)
	}
	// Where nothing is expected nothing is locked: MySQL would lock the gap.
	present, err := t.one(ctx, id.key, r.Action != audit.Delete)
	if err != nil {
		return err
	}
	switch r.Action {
	case audit.Create:
		return v.undoCreate(ctx, t, id, r, present)
	case audit.Delete:
		return v.undoDelete(ctx, t, id, r, present)
	default:
		return v.undoUpdate(ctx, t, id, r, present)
	}
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

func (v *reverter) undoCreate(ctx context.Context, t *rowTable, id rowID, r audit.Record, present []any) error {
	if present == nil {
		v.nothing(t, id, r)
		return nil
	}
	conflicts, err := v.changedSince(ctx, t, id, r, present, r.After)
	if err != nil {
		return err
	}
	if len(conflicts) > 0 && !v.settings.revert.force {
		return &ConflictError{Table: t.bare, RecordID: id.recordID, Columns: conflicts}
	}
	return v.remove(ctx, t, id, r, present)
}

func (v *reverter) undoDelete(ctx context.Context, t *rowTable, id rowID, r audit.Record, present []any) error {
	want := t.wanted(r.Before)
	if present == nil {
		return v.insert(ctx, t, id, r, want)
	}
	for i, c := range want {
		if c.state == known && !t.columns[i].computed && !values.Equal(c.value, t.now(i, present[i]).value) && !v.settings.revert.force {
			return &ConflictError{Table: t.bare, RecordID: id.recordID, Reason: "there is a row with this key again"}
		}
	}
	return v.update(ctx, t, id, r, present, want)
}

func (v *reverter) undoUpdate(ctx context.Context, t *rowTable, id rowID, r audit.Record, present []any) error {
	if present == nil {
		return &ConflictError{Table: t.bare, RecordID: id.recordID, Reason: "it is gone"}
	}
	want := t.wanted(r.Before)
	if allTruncated(r.Before) {
		want = map[int]cell{}
		for _, name := range r.Changed {
			if i, ok := t.index[name]; ok {
				want[i] = cell{state: lost}
			}
		}
	}
	conflicts, err := v.changedSince(ctx, t, id, r, present, r.After)
	if err != nil {
		return err
	}
	only, err := v.only(t)
	if err != nil {
		return err
	}
	var real []string
	for _, name := range conflicts {
		i := t.index[name]
		c := want[i]
		switch {
		case only != nil && !only[i]:
			// It is not set back.
		case c.state == known && values.Equal(c.value, t.now(i, present[i]).value):
			// It has its old value already.
		case t.columns[i].touched:
			delete(want, i) // a later update's
		default:
			real = append(real, name)
		}
	}
	if len(real) > 0 && !v.settings.revert.force {
		return &ConflictError{Table: t.bare, RecordID: id.recordID, Columns: real}
	}
	return v.update(ctx, t, id, r, present, want)
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

// changedSince lists the columns in which the present row is not what r left. Where
// the record does not show what that was, later records are asked.
func (v *reverter) changedSince(ctx context.Context, t *rowTable, id rowID, r audit.Record, present []any, left map[string]any) ([]string, error) {
	var changed, hidden []string
	names := r.Changed
	if r.Action == audit.Create || len(names) == 0 {
		names = nil
		for i, c := range t.columns {
			if _, ok := left[c.name]; (ok || allTruncated(left)) && !c.touched && !t.columns[i].ignored {
				names = append(names, c.name)
			}
		}
	}
	for _, name := range names {
		i, ok := t.index[name]
		if !ok {
			continue // the column is gone
		}
		value, shown := left[name]
		switch {
		case !shown || t.fromRecord(i, value).state != known:
			hidden = append(hidden, name)
		case !same(t.now(i, present[i]), value):
			changed = append(changed, name)
		}
	}
	if len(hidden) > 0 {
		if gap, err := t.gap(ctx, id, &r); err != nil || gap {
			return append(changed, hidden...), err // nobody knows
		}
		for later, err := range t.q.ofRow(t.bare, id.recordID).rows().behind(r.Seq).All(ctx) {
			if err != nil {
				return nil, err
			}
			for _, name := range hidden {
				if slices.Contains(later.Changed, name) && !slices.Contains(changed, name) {
					changed = append(changed, name)
				}
			}
		}
	}
	slices.Sort(changed)
	return changed, nil
}

// newModel is what GORM is told the table's model is.
func (t *rowTable) newModel() any {
	if t.schema == nil {
		return map[string]any{}
	}
	return reflect.New(t.schema.ModelType).Interface()
}

// keyCondition finds the row.
func (t *rowTable) keyCondition(ctx context.Context, key []any) clause.Expression {
	parts := make([]clause.Expression, len(key))
	for n, v := range key {
		parts[n] = clause.Eq{Column: clause.Column{Table: clause.CurrentTable, Name: t.columns[t.key[n]].name}, Value: t.argument(ctx, t.key[n], v)}
	}
	return clause.And(parts...)
}
