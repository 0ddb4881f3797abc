package emitter

import (
	"context"

	"github.com/gorm-audit/auditplugin/audit"
)

// Written returns the ids of the records that the table holds of one transaction.
// The plugin asks it what survived a transaction whose end it could not see.
func (t *ownTable) Written(ctx context.Context, conn audit.Conn, transactionID string) (ids []string, err error) {
	placeholder := "?"
	if t.store.dialect == postgres {
		placeholder = "$1"
	}
	query := "SELECT id FROM " + t.store.table.quoted(t.store.dialect) + " WHERE transaction_id = " + placeholder
	rows, err := conn.QueryContext(ctx, query, transactionID)
	if err != nil {
		return nil, err
	}
	defer func() {
		if cerr := rows.Close(); err == nil {
			err = cerr
		}
	}()
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, rows.Err()
}
