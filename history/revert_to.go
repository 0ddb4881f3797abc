package history

import (
	"context"
	"errors"
	"fmt"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/audit"
)

// RevertTo sets a row back to what it was at a moment, whatever happened since: it
// updates the columns that differ, inserts the row if it is gone, or deletes it if
// it did not exist. model is as for [Of] and is not changed; moments are as for
// [AsOf].
//
// It is one write through GORM in a transaction, recorded like one, whose cause is
// the first record that it undid; see [Revert] for hooks, timestamps, rights and
// errors. The row is locked before its records are read, so that no change made
// meanwhile is lost unseen: it is undone as well. Other rows that foreign keys
// changed with it stay as they are, unless they are named [With] it: then all that
// belonged to the row at the moment is set back, rows that are gone are inserted
// again, and rows that came to it since go: those that did not exist are deleted,
// others go back to where they were. Rows that are only referred to (belongs to,
// many2many) are set back if they belonged at the moment; of others only the
// reference goes. A row whose key was changed since is refused
// with a [ConflictError]; an unchanged row gives no steps.
func RevertTo[M When](ctx context.Context, db *gorm.DB, model any, when M, opts ...Option) (Reverted, error) {
	set := settingsOf(opts)
	s, err := schemaIn(db, model)
	if err != nil {
		return Reverted{}, err
	}
	if len(set.with) > 0 {
		return revertFamily(ctx, db, set, s, model, func(ctx context.Context, q Query) (Moment, error) { return momentOf(ctx, q, when) })
	}
	return inTransaction(ctx, db, set, func(v *reverter) error {
		t, err := openTable(ctx, v.db, set, s, s.Table)
		if err != nil {
			return err
		}
		id, err := t.idOf(ctx, model)
		if err != nil {
			return err
		}
		present, err := t.one(ctx, id.key, true)
		if err != nil {
			return err
		}
		// On MySQL the first plain read fixes what this transaction sees: only now.
		m, err := momentOf(ctx, t.q, when)
		if err != nil {
			return err
		}
		return v.restore(ctx, t, id, m, present)
	})
}

func (v *reverter) restore(ctx context.Context, t *rowTable, id rowID, m Moment, present []any) error {
	p, err := t.atFrom(ctx, id, m, present)
	if errors.Is(err, ErrNotFound) && present != nil && p.first != nil {
		return v.remove(ctx, t, id, *p.first, present)
	}
	if err != nil {
		return err
	}
	return v.restoreTo(ctx, t, id, p, present)
}

// restoreTo sets a row that existed at a moment back to what it was.
func (v *reverter) restoreTo(ctx context.Context, t *rowTable, id rowID, p past, present []any) error {
	if p.movedTo != "" {
		return &ConflictError{Table: t.bare, RecordID: id.recordID, Reason: fmt.Sprintf("its key is %q now", p.movedTo)}
	}
	if p.first == nil {
		if present == nil {
			return &ConflictError{Table: t.bare, RecordID: id.recordID, Reason: "it went away unrecorded"}
		}
		return nil
	}
	want := map[int]cell{}
	for i, c := range p.img {
		if c.state != absent && !c.present {
			want[i] = c
		}
	}
	if present == nil {
		return v.insert(ctx, t, id, *p.first, want)
	}
	return v.update(ctx, t, id, *p.first, present, want)
}

// remove deletes a present row.
func (v *reverter) remove(ctx context.Context, t *rowTable, id rowID, r audit.Record, present []any) error {
	if whole, err := v.wholeRow(t, id, r); err != nil || !whole {
		return err
	}
	if err := v.checkChildren(ctx, t, id, present); err != nil {
		return err
	}
	step := RevertStep{Record: r, Action: audit.Delete, Table: t.bare, RecordID: id.recordID}
	for i := range t.columns {
		if err := v.note(&step, t, i, t.now(i, present[i]).value, nil); err != nil {
			return err
		}
	}
	tx := v.handle(ctx, t, r).Unscoped().Where(t.keyCondition(ctx, id.key)).Delete(t.newModel())
	return v.finish(step, r, tx)
}
