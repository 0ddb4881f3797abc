package driverconn

import (
	"context"
	"database/sql"

	"gorm.io/gorm"
)

// Outer is a transaction as our own statements use it.
type Outer struct {
	gorm.Tx
	Conn *Conn
}

// ExecContext runs a statement of ours.
func (o *Outer) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	if res, ok, err := o.Conn.Exec(ctx, query, args, true); ok {
		return res, err
	}
	return o.Tx.ExecContext(ctx, query, args...)
}
