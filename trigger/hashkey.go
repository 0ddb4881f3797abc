package trigger

import (
	"context"
	"database/sql"
	"slices"

	"github.com/gorm-audit/auditplugin/internal/dialect"
	"github.com/gorm-audit/auditplugin/internal/redact"
)

// hashKey is what triggers need of the plugin's key, and the table that they read it from.
type hashKey struct {
	table string
	redact.Hashing
}

// hashKeys are those of the tables that have hashed columns, each once.
func hashKeys(l language, all []*subject) (keys []hashKey) {
	for _, s := range all {
		name := l.keyTable(s)
		if s.hashing.KeyID != "" && !slices.ContainsFunc(keys, func(k hashKey) bool { return k.table == name }) {
			keys = append(keys, hashKey{name, s.hashing})
		}
	}
	return keys
}

// store puts the key in the place of an older one.
func (k hashKey) store(ctx context.Context, tx *sql.Tx, name string) error {
	if _, err := tx.ExecContext(ctx, "DELETE FROM "+k.table); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, dialect.Placeholders(name, "INSERT INTO "+k.table+" (id, ipad, opad) VALUES (?,?,?)"), k.KeyID, k.Inner, k.Outer)
	return err
}
