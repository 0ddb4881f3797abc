package history

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/internal/catalog"
	"github.com/gorm-audit/auditplugin/internal/values"
)

// handle is a session that writes to the table, in the name of the record undone.
func (v *reverter) handle(ctx context.Context, t *rowTable, r audit.Record) *gorm.DB {
	ctx = audit.WithCause(ctx, r.ID)
	if audit.MessageFrom(ctx) == "" {
		ctx = audit.WithMessage(ctx, fmt.Sprintf("%s of %s %s undone", r.Action, r.RecordType, r.RecordID))
	}
	tx := v.db.Session(&gorm.Session{NewDB: true, Context: ctx, SkipHooks: true})
	if t.schema == nil {
		return tableOn(tx, t.name)
	}
	return tx
}

// update writes the wanted values that differ from the present ones.
func (v *reverter) update(ctx context.Context, t *rowTable, id rowID, r audit.Record, present []any, want map[int]cell) error {
	only, err := v.only(t)
	if err != nil {
		return err
	}
	step := RevertStep{Record: r, Table: t.bare, RecordID: id.recordID}
	var set clause.Set
	gaps := Gaps{}
	for i := range t.columns {
		c, ok := want[i]
		if !ok || t.columns[i].computed || only != nil && !only[i] {
			continue
		}
		if c.state != known {
			t.unknown(&gaps, i, c)
			continue
		}
		now := t.now(i, present[i])
		if values.Equal(now.value, c.value) {
			continue
		}
		set = append(set, clause.Assignment{Column: clause.Column{Name: t.columns[i].name}, Value: t.argument(ctx, i, c.value)})
		if err := v.note(&step, t, i, now.value, c.value); err != nil {
			return err
		}
	}
	for _, name := range r.Changed {
		if _, ok := t.index[name]; !ok && only == nil && r.Action != audit.Delete && r.Action != audit.Create {
			gaps.Lost = append(gaps.Lost, name) // the column is gone
		}
	}
	if err := v.settings.refuse(&step, t.bare, id.recordID, gaps); err != nil {
		return err
	}
	if len(set) == 0 {
		v.done.Steps = append(v.done.Steps, step)
		return nil
	}
	step.Action = audit.Update
	tx := v.handle(ctx, t, r)
	if t.schema != nil {
		tx = tx.Model(t.newModel())
	}
	// The clause itself, so that no field permission and no serializer has a say.
	tx = tx.Unscoped().Clauses(set).Where(t.keyCondition(ctx, id.key)).UpdateColumns(map[string]any{})
	return v.finish(step, r, tx)
}

// refuse makes an error of unknown columns, unless they are to be skipped.
func (s *settings) refuse(step *RevertStep, table, recordID string, g Gaps) error {
	slices.Sort(g.Redacted)
	slices.Sort(g.Lost)
	slices.Sort(g.Erased)
	if g.empty() {
		return nil
	}
	if s.revert.skipLost {
		step.Left = slices.Sorted(slices.Values(slices.Concat(step.Left, g.Redacted, g.Lost, g.Erased)))
		return nil
	}
	return &UnknownError{Table: table, RecordID: recordID, Gaps: g}
}

// unknown notes a column whose old value is not known.
func (t *rowTable) unknown(gaps *Gaps, i int, c cell) {
	if c.state == redacted {
		gaps.Redacted = append(gaps.Redacted, t.columns[i].name)
		return
	}
	if c.state == erased {
		gaps.Erased = append(gaps.Erased, t.columns[i].name)
		return
	}
	gaps.Lost = append(gaps.Lost, t.columns[i].name)
}

// insert writes the row again.
func (v *reverter) insert(ctx context.Context, t *rowTable, id rowID, r audit.Record, want map[int]cell) error {
	if whole, err := v.wholeRow(t, id, r); err != nil || !whole {
		return err
	}
	step := RevertStep{Record: r, Action: audit.Create, Table: t.bare, RecordID: id.recordID}
	row := make(map[string]any, len(want))
	gaps := Gaps{}
	for i, column := range t.columns {
		c, ok := want[i]
		switch {
		case column.computed:
		case !ok:
			step.Left = append(step.Left, column.name)
		case c.state != known:
			t.unknown(&gaps, i, c)
		default:
			row[column.name] = t.argument(ctx, i, c.value)
			if err := v.note(&step, t, i, nil, c.value); err != nil {
				return err
			}
		}
	}
	if err := v.settings.refuse(&step, t.bare, id.recordID, gaps); err != nil {
		return err
	}
	tx := v.handle(ctx, t, r)
	if t.schema != nil {
		tx = tx.Model(t.newModel())
	}
	return v.finish(step, r, tx.Create(row))
}

// finish looks at what became of the statement.
func (v *reverter) finish(step RevertStep, r audit.Record, tx *gorm.DB) error {
	if tx.Error != nil {
		return fmt.Errorf("auditplugin: undoing record %q: %w", r.ID, tx.Error)
	}
	if tx.RowsAffected == 0 {
		return &ConflictError{Table: step.Table, RecordID: step.RecordID, Reason: "the database wrote no row"}
	}
	v.done.Steps = append(v.done.Steps, step)
	return nil
}

// nothing notes that the row is as it should be.
func (v *reverter) nothing(t *rowTable, id rowID, r audit.Record) {
	_, _ = v.only(t) // which takes note of the names; mistakes are found when all is done
	v.done.Steps = append(v.done.Steps, RevertStep{Record: r, Table: t.bare, RecordID: id.recordID})
}

// note lists a column that is written, as records would show it.
func (v *reverter) note(step *RevertStep, t *rowTable, i int, from, to any) error {
	if values.Equal(from, to) || t.columns[i].ignored {
		return nil
	}
	change := audit.Change{Path: t.columns[i].name}
	var err error
	if change.From, err = v.shown(t, i, from); err != nil {
		return err
	}
	if change.To, err = v.shown(t, i, to); err != nil {
		return err
	}
	step.Changes = append(step.Changes, change)
	return nil
}

// shown redacts a value; where the plugin's key is not at hand, hashes are masks.
func (v *reverter) shown(t *rowTable, i int, value any) (any, error) {
	if value == nil {
		return nil, nil
	}
	if p := pluginOf(v.db); p != nil {
		return p.Shown(t.schema, t.bare, t.columns[i].name, value)
	}
	if hidden := t.plan.Column(t.bare, t.columns[i].name, value); !isHash(hidden) {
		return hidden, nil
	}
	return "***", nil
}

// checkChildren refuses to delete a row whose deletion would change others.
func (v *reverter) checkChildren(ctx context.Context, t *rowTable, id rowID, present []any) error {
	if v.settings.revert.force || !t.tbl.ForeignKeysEnforced {
		return nil
	}
	for _, fk := range t.tbl.Incoming {
		if fk.OnDelete != "CASCADE" && fk.OnDelete != "SET NULL" && fk.OnDelete != "SET DEFAULT" {
			continue
		}
		refers, err := v.refers(ctx, t, fk, present)
		if err != nil {
			return err
		}
		if refers {
			return &ConflictError{Table: t.bare, RecordID: id.recordID, Reason: fmt.Sprintf("rows of table %q refer to it", fk.Table)}
		}
	}
	return nil
}

func (v *reverter) refers(ctx context.Context, t *rowTable, fk catalog.ForeignKey, present []any) (bool, error) {
	parts := make([]clause.Expression, 0, len(fk.Columns))
	for n, name := range fk.Columns {
		i, ok := t.index[fk.RefColumns[n]]
		if !ok || present[i] == nil {
			return false, nil
		}
		parts = append(parts, clause.Eq{Column: clause.Column{Name: name}, Value: t.argument(ctx, i, t.now(i, present[i]).value)})
	}
	name := fk.Table
	if fk.Schema != t.tbl.Schema {
		name = fk.Schema + "." + name
	}
	var one int
	tx := tableOn(v.db.Session(&gorm.Session{NewDB: true, Context: ctx}), name).Select("1").Where(clause.And(parts...)).Limit(1).Take(&one)
	if errors.Is(tx.Error, gorm.ErrRecordNotFound) {
		return false, nil
	}
	if tx.Error != nil {
		return false, fmt.Errorf("auditplugin: reading table %q: %w", fk.Table, tx.Error)
	}
	return true, nil
}
