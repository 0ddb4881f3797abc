// Package owntable has what the packages with tables of their own share: the pool behind
// GORM's handle, the schema that a table is in, how it is created while other processes
// do the same, and short ways to ask and to write.
package owntable

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/internal/dialect"
)

// Errors is what a package calls the errors that are found here.
type Errors struct {
	// Failed says which step the driver's error ended. Only Qualify asks it.
	Failed func(step string, err error) error
	// Invalid is a handle without a database, InTransaction one inside a transaction,
	// and Missing a table that cannot be there.
	Invalid, InTransaction, Missing error
}

// Pool returns the connections behind db, past the plugin and GORM: what goes through
// them is not audited and does not touch the application's transactions.
func (e Errors) Pool(db *gorm.DB) (*sql.DB, error) {
	if db == nil || db.Config == nil || db.Dialector == nil {
		return nil, fmt.Errorf("%w: no database", e.Invalid)
	}
	pool := db.ConnPool
	if db.Statement != nil && db.Statement.ConnPool != nil {
		pool = db.Statement.ConnPool
	}
	if _, ok := pool.(gorm.TxCommitter); ok {
		return nil, e.InTransaction
	}
	sqlDB, err := db.DB()
	if errors.Is(err, gorm.ErrInvalidDB) {
		return nil, fmt.Errorf("%w: %T does not tell its *sql.DB; give it GetDBConn() (*sql.DB, error), as gorm.GetDBConnector has it: %w", e.Invalid, pool, err)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: no connection: %w", e.Invalid, err)
	}
	return sqlDB, nil
}

// Context is the context of a handle.
func Context(db *gorm.DB) context.Context {
	if db.Statement != nil && db.Statement.Context != nil {
		return db.Statement.Context
	}
	return context.Background()
}

// Conn is a pool, a connection or a transaction.
type Conn interface {
	audit.Conn
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// Qualify adds the current schema to a table without one: the application may change its
// search path, or its database, later.
func (e Errors) Qualify(ctx context.Context, db Conn, name string, table dialect.Table) (dialect.Table, error) {
	facts := dialect.FactsOf(name)
	switch {
	case table.Schema != "":
		return table, nil
	case facts.SchemaQuery == "":
		table.Schema = facts.Schema
		return table, nil
	}
	var schema sql.NullString
	if err := db.QueryRowContext(ctx, facts.SchemaQuery).Scan(&schema); err != nil {
		return table, e.Failed("finding the current schema", err)
	}
	if schema.String == "" {
		return table, fmt.Errorf("%w: the connection has no current schema", e.Missing)
	}
	table.Schema = schema.String
	return table, nil
}
