package history

import (
	"context"
	"fmt"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gorm-audit/auditplugin/internal/catalog"
)

// deferKeys has foreign keys checked at the end, where the database can: PostgreSQL for
// those that were declared so, SQLite for all.
func (v *reverter) deferKeys(ctx context.Context, refs map[*rowTable][]catalog.Reference) error {
	if v.deferred != nil {
		return nil
	}
	v.deferred = []*rowTable{}
	for t, found := range refs {
		for _, f := range found {
			if f.Deferrable || v.db.Name() == "sqlite" {
				v.deferred = append(v.deferred, t)
				break
			}
		}
	}
	if len(v.deferred) == 0 {
		return nil
	}
	tx := v.db.Session(&gorm.Session{NewDB: true, Context: ctx})
	switch v.db.Name() {
	case "postgres":
		return tx.Exec("SET CONSTRAINTS ALL DEFERRED").Error
	case "sqlite":
		return tx.Exec("PRAGMA defer_foreign_keys = ON").Error
	}
	return nil
}

// checkDeferred checks them, so that what is wrong is an error of the revert and not of
// a later COMMIT.
func (v *reverter) checkDeferred(ctx context.Context) error {
	if len(v.deferred) == 0 {
		return nil
	}
	tx := v.db.Session(&gorm.Session{NewDB: true, Context: ctx})
	if v.db.Name() == "postgres" {
		return tx.Exec("SET CONSTRAINTS ALL IMMEDIATE").Error
	}
	for _, t := range v.deferred {
		if !t.tbl.ForeignKeysEnforced {
			continue
		}
		broken, err := breaksKeys(tx, t)
		if err != nil {
			return fmt.Errorf("auditplugin: checking foreign keys of table %q: %w", t.bare, err)
		}
		if broken {
			return fmt.Errorf("auditplugin: undoing: %w: table %q", gorm.ErrForeignKeyViolated, t.bare)
		}
	}
	return nil
}

// breaksKeys reports whether a row of a SQLite table refers to one that is not there.
func breaksKeys(tx *gorm.DB, t *rowTable) (bool, error) {
	rows, err := tx.Raw("PRAGMA foreign_key_check(?)", clause.Table{Name: t.bare}).Rows()
	if err != nil {
		return false, err
	}
	defer func() { _ = rows.Close() }() // what it has to say is read
	broken := rows.Next()
	return broken, rows.Err()
}
