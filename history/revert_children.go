package history

import (
	"context"
	"fmt"
	"slices"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gorm-audit/auditplugin/history/internal/condition"
	"github.com/gorm-audit/auditplugin/internal/catalog"
	"github.com/gorm-audit/auditplugin/internal/values"
)

// checkChildren refuses to delete rows whose deletion would change others.
func (v *reverter) checkChildren(ctx context.Context, t *rowTable, deeds []*deed) error {
	own := t.tbl.Schema + "." + t.tbl.Name
	they := map[string][]*undoing{} // go as well, such as a row that refers to itself
	for _, d := range deeds {
		they[own] = append(they[own], d.u)
	}
	return v.checkReferring(ctx, t, deeds, they, func(fk catalog.ForeignKey) bool {
		return fk.OnDelete == "CASCADE" || fk.OnDelete == "SET NULL" || fk.OnDelete == "SET DEFAULT"
	})
}

// checkLosers refuses to change values by which others refer to the rows, where they would
// not follow but lose them, unless they are set back as well.
func (v *reverter) checkLosers(ctx context.Context, t *rowTable, deeds []*deed) error {
	return v.checkReferring(ctx, t, deeds, v.involved, func(fk catalog.ForeignKey) bool {
		return (fk.OnUpdate == "SET NULL" || fk.OnUpdate == "SET DEFAULT") &&
			slices.ContainsFunc(fk.RefColumns, func(name string) bool { _, set := deeds[0].set[t.index[name]]; return set })
	})
}

// checkReferring refuses rows to which others, beside some, refer by some foreign keys.
func (v *reverter) checkReferring(ctx context.Context, t *rowTable, deeds []*deed, beside map[string][]*undoing, by func(catalog.ForeignKey) bool) error {
	if v.settings.revert.force || !t.tbl.ForeignKeysEnforced {
		return nil
	}
	for _, fk := range t.tbl.Incoming {
		if !by(fk) {
			continue
		}
		refer, err := v.refer(ctx, t, fk, deeds, beside[fk.Schema+"."+fk.Table])
		if err != nil || !refer {
			if err != nil {
				return err
			}
			continue
		}
		for _, d := range deeds { // which of them?
			if refer, err = v.refer(ctx, t, fk, []*deed{d}, beside[fk.Schema+"."+fk.Table]); err != nil {
				return err
			}
			if refer {
				return d.u.conflict(fmt.Sprintf("rows of table %q refer to it", fk.Table))
			}
		}
	}
	return nil
}

// refer reports whether rows of another table, beside some, refer to one of the rows.
func (v *reverter) refer(ctx context.Context, t *rowTable, fk catalog.ForeignKey, deeds []*deed, beside []*undoing) (bool, error) {
	columns := make([]clause.Column, len(fk.Columns))
	for n, name := range fk.Columns {
		columns[n] = clause.Column{Name: name}
	}
	var rows [][]any
	for _, d := range deeds {
		row := make([]any, 0, len(columns))
		for n := range columns {
			i, ok := t.index[fk.RefColumns[n]]
			if !ok || d.present[i] == nil {
				break
			}
			a, err := t.argument(ctx, i, t.now(i, d.present[i]).value)
			if err != nil {
				return false, err
			}
			row = append(row, a)
		}
		if len(row) == len(columns) {
			rows = append(rows, row)
		}
	}
	if len(rows) == 0 {
		return false, nil
	}
	name := fk.Table
	if fk.Schema != "" { // what the connection finds by the name alone may be another one
		name = fk.Schema + "." + name
	}
	var found []int
	tx := tableOn(v.db.Session(&gorm.Session{NewDB: true, Context: ctx}), name).Select("1").Where(oneOfRows(columns, rows)).Limit(1)
	for some := range slices.Chunk(beside, revertBatch) {
		keys := make([][]any, len(some))
		for n, u := range some {
			keys[n] = u.id.key
		}
		theirs, err := some[0].t.keyCondition(ctx, keys)
		if err != nil {
			return false, err
		}
		tx = tx.Where(clause.Expr{SQL: "NOT (?)", Vars: []any{theirs}})
	}
	tx = tx.Find(&found)
	if tx.Error != nil {
		return false, fmt.Errorf("auditplugin: reading table %q: %w", fk.Table, tx.Error)
	}
	return len(found) > 0, nil
}

// oneOfRows is the condition that columns hold the values of one of some rows.
func oneOfRows(columns []clause.Column, rows [][]any) clause.Expression {
	if len(columns) == 1 {
		in := clause.IN{Column: columns[0]}
		for _, row := range rows {
			in.Values = append(in.Values, row[0])
		}
		return in
	}
	alternatives := make([]clause.Expression, len(rows))
	for n, row := range rows {
		parts := make([]clause.Expression, len(columns))
		for i, c := range columns {
			parts[i] = clause.Eq{Column: c, Value: row[i]}
		}
		alternatives[n] = condition.AllOf(parts...)
	}
	return condition.OneOf(alternatives)
}

// untie sets the foreign keys NULL by which rows refer to themselves, where such a row can
// not be deleted.
func (v *reverter) untie(ctx context.Context, t *rowTable, deeds []*deed) error {
	if !v.facts().DeletesAreCheckedAtOnce {
		return nil
	}
	refs, err := t.references(ctx)
	if err != nil {
		return err
	}
	for _, ref := range refs {
		if ref.Table != t.tbl.Name || ref.Schema != t.tbl.Schema {
			continue
		}
		loose := map[int]bool{}
		if !t.mayBeNull(ref.Columns, loose) {
			continue
		}
		for _, d := range deeds {
			if !t.refersToItself(ref, d.present) {
				continue
			}
			tied := *d
			tied.set = map[int]any{}
			for i := range loose {
				tied.set[i] = nil
			}
			if err := v.update(ctx, t, []*deed{&tied}); err != nil {
				return err
			}
		}
	}
	return nil
}

func (t *rowTable) refersToItself(ref catalog.Reference, row []any) bool {
	for n, name := range ref.Columns {
		own, ok := t.index[name]
		other, also := t.index[ref.RefColumns[n]]
		if !ok || !also || row[own] == nil || !values.Equal(t.now(own, row[own]).value, t.now(other, row[other]).value) {
			return false
		}
	}
	return true
}

// references are the table's foreign keys, read once.
func (t *rowTable) references(ctx context.Context) ([]catalog.Reference, error) {
	if t.refs == nil {
		found, err := catalog.References(ctx, t.db.Statement.ConnPool, t.db.Name(), t.tbl)
		if err != nil {
			return nil, err
		}
		t.refs = append([]catalog.Reference{}, found...)
		for _, f := range found {
			t.selfReferring = t.selfReferring || f.Table == t.tbl.Name && f.Schema == t.tbl.Schema
		}
	}
	return t.refs, nil
}
