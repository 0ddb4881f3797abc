package history

import (
	"context"
	"fmt"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gorm-audit/auditplugin/internal/catalog"
)

// deferKeys has foreign keys checked at the end, where the database can.
func (v *reverter) deferKeys(ctx context.Context, refs map[*rowTable][]catalog.Reference) error {
	if v.deferred != nil {
		return nil
	}
	v.deferred = []*rowTable{}
	for t, found := range refs {
		for _, f := range found {
			if f.Deferrable || v.facts().AllDefer {
				v.deferred = append(v.deferred, t)
				break
			}
		}
	}
	if len(v.deferred) == 0 {
		return nil
	}
	if v.facts().DeferKeys == "" {
		return nil
	}
	return v.db.Session(&gorm.Session{NewDB: true, Context: ctx}).Exec(v.facts().DeferKeys).Error
}

// checkDeferred checks them, so that what is wrong is an error of the revert and not of
// a later COMMIT.
func (v *reverter) checkDeferred(ctx context.Context) error {
	if len(v.deferred) == 0 {
		return nil
	}
	tx := v.db.Session(&gorm.Session{NewDB: true, Context: ctx})
	if check := v.facts().CheckKeys; check != "" {
		return tx.Exec(check).Error
	}
	for _, t := range v.deferred {
		if !t.tbl.ForeignKeysEnforced {
			continue
		}
		broken, err := t.breaksKeys(tx)
		if err != nil {
			return fmt.Errorf("auditplugin: checking foreign keys of table %q: %w", t.bare, err)
		}
		if broken {
			return fmt.Errorf("auditplugin: undoing: %w: table %q", gorm.ErrForeignKeyViolated, t.bare)
		}
	}
	return nil
}

// breaksKeys reports whether a row of the table refers to one that is not there.
func (t *rowTable) breaksKeys(tx *gorm.DB) (bool, error) {
	rows, err := tx.Raw(t.facts.BrokenKeysQuery, clause.Table{Name: t.bare}).Rows()
	if err != nil {
		return false, err
	}
	defer func() { _ = rows.Close() }() // what it has to say is read
	broken := rows.Next()
	return broken, rows.Err()
}
