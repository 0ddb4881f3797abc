package owntable

import (
	"context"
	"database/sql"
	"errors"
	"hash/fnv"
	"strconv"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/internal/dialect"
)

// Beginner is a pool or a connection.
type Beginner interface {
	BeginTx(ctx context.Context, opts *sql.TxOptions) (*sql.Tx, error)
}

// InTx calls f in a transaction, and commits unless it failed.
func InTx(ctx context.Context, db Beginner, f func(tx *sql.Tx) error) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // after Commit it does nothing
	if err := f(tx); err != nil {
		return err
	}
	return tx.Commit()
}

// Run runs statements without arguments, one after the other.
func Run(ctx context.Context, conn audit.Conn, statements []string) error {
	for _, statement := range statements {
		if _, err := conn.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}

// Create runs statements that create tables, in one transaction. IF NOT EXISTS alone
// fails on PostgreSQL when several processes start at once: lock names what they take
// turns at.
func Create(ctx context.Context, db Beginner, name, lock string, statements []string) error {
	return InTx(ctx, db, func(tx *sql.Tx) error {
		if name == dialect.Postgres {
			if err := LockPostgres(ctx, tx, LockKey(lock)); err != nil {
				return err
			}
		}
		return Run(ctx, tx, statements)
	})
}

// LockKey is the advisory lock of what has that name, the same in every process.
func LockKey(name string) int64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(name))
	return int64(h.Sum64()) // any 64 bits will do
}

// LockPostgres waits for an advisory lock and has it until the transaction ends. A
// session's would be lost behind a pooler.
func LockPostgres(ctx context.Context, tx *sql.Tx, key int64) error {
	_, err := tx.ExecContext(ctx, "SELECT pg_advisory_xact_lock($1)", key)
	return err
}

// lockWait is how long to wait for another process that has a lock, in seconds.
const lockWait = 30

// LockedMySQL calls f while the connection has a lock. It is not of a transaction, since
// DDL would end that.
func LockedMySQL(ctx context.Context, conn *sql.Conn, key int64, f func() error) error {
	name := "auditplugin:" + strconv.FormatInt(key, 36)
	var locked sql.NullInt64
	if err := conn.QueryRowContext(ctx, "SELECT GET_LOCK(?, ?)", name, lockWait).Scan(&locked); err != nil {
		return err
	}
	if locked.Int64 != 1 {
		return errors.New("another process holds the lock")
	}
	// The connection goes back to the pool, also when ctx has ended.
	defer func() { _, _ = conn.ExecContext(context.WithoutCancel(ctx), "DO RELEASE_LOCK(?)", name) }()
	return f()
}
