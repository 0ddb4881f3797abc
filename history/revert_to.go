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
// it did not exist. model is as for [AsOf] and is not changed, and so are moments.
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
	s, table, err := meant(db, model)
	if err != nil {
		return Reverted{}, err
	}
	if s == nil {
		if err := set.alone("RevertTo of a TableRow"); err != nil {
			return Reverted{}, err
		}
	}
	if len(set.with) > 0 {
		return revertFamily(ctx, db, set, s, model, func(ctx context.Context, q Query) (Moment, error) { return momentOf(ctx, q, when) })
	}
	return inTransaction(ctx, db, set, func(v *reverter) error {
		if s == nil {
			named := table
			var err error
			if s, table, err = v.model(ctx, bareTable(named)); err != nil {
				return err
			}
			if schemaOfTable(named) != "" {
				table = named
			}
		}
		t, err := openTable(ctx, v.db, set, s, table)
		if err != nil {
			return err
		}
		if _, err := v.only(t); err != nil {
			return err
		}
		t.thorough = true // whether the row is still under its key matters as well
		id, present, err := t.find(ctx, model, true)
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
		return v.reachOne(ctx, t, id, *p.first, nil, present)
	}
	if err != nil {
		return err
	}
	changed, err := t.restorable(id, p, present)
	if err != nil || !changed {
		return err
	}
	return v.reachOne(ctx, t, id, *p.first, p.img, present)
}

func (v *reverter) reachOne(ctx context.Context, t *rowTable, id rowID, first audit.Record, img image, present []any) error {
	u, err := v.aim(ctx, t, id, first, img, present)
	if err != nil {
		return err
	}
	d, err := v.reach(ctx, u, present)
	if err != nil {
		return err
	}
	return v.perform(ctx, t, []*deed{d})
}

// restorable tells whether something has happened since to a row that existed at a moment,
// and refuses one that is not under its key, or went away unrecorded.
func (t *rowTable) restorable(id rowID, p past, present []any) (changed bool, err error) {
	if p.movedTo != "" {
		return false, &ConflictError{Table: t.bare, RecordID: id.recordID, Reason: fmt.Sprintf("its key is %q now", p.movedTo)}
	}
	if p.first == nil {
		if present == nil {
			return false, &ConflictError{Table: t.bare, RecordID: id.recordID, Reason: "it went away unrecorded"}
		}
		return false, nil
	}
	return true, nil
}

// countOn sets version columns to what they were when the row was deleted, from where
// they count on.
func (v *reverter) countOn(ctx context.Context, u *undoing, want map[int]cell) error {
	t := u.t
	for i, c := range t.columns {
		if !c.counts {
			continue
		}
		last, err := t.q.ofRow(t.name, u.id.recordID).Action(audit.Delete).Newest().First(ctx)
		if err != nil {
			if errors.Is(err, ErrNotFound) {
				return nil
			}
			return err
		}
		if value, ok := last.Before[c.name]; ok {
			want[i] = t.fromRecord(i, value)
		}
	}
	return nil
}
