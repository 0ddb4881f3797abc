package emitter

import (
	"context"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/internal/dialect"
	"github.com/gorm-audit/auditplugin/internal/owntable"
)

// Written returns the ids of the records that the table holds of one transaction.
// The plugin asks it what survived a transaction whose end it could not see.
func (t *ownTable) Written(ctx context.Context, conn audit.Conn, transactionID string) ([]string, error) {
	d := t.store.dialect
	query := "SELECT id FROM " + t.store.table.Quoted(d) + " WHERE transaction_id = ?"
	return owntable.Texts(ctx, conn, dialect.Placeholders(d, query), transactionID)
}
