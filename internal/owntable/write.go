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
	return inTurn(ctx, db, name, LockKey(lock), func(tx *sql.Tx) error { return Run(ctx, tx, statements) })
}

// LockKey is the advisory lock of what has that name, the same in every process.
func LockKey(name string) int64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(name))
	return int64(h.Sum64()) // any 64 bits will do
}

// inTurn calls f in a transaction that has a lock, if the database has such.
func inTurn(ctx context.Context, db Beginner, name string, key int64, f func(tx *sql.Tx) error) error {
	return InTx(ctx, db, func(tx *sql.Tx) error {
		if lock := dialect.FactsOf(name).TransactionLock; lock != "" {
			if _, err := tx.ExecContext(ctx, lock, key); err != nil {
				return err
			}
		}
		return f(tx)
	})
}

// Alone calls f, to create or change a table, while no other process does it under the
// same key. Where DDL does not end transactions, it is in one.
func Alone(ctx context.Context, conn *sql.Conn, name string, key int64, f func(conn Conn) error) error {
	switch facts := dialect.FactsOf(name); {
	case facts.SessionLock != "":
		return locked(ctx, conn, facts, key, f)
	case facts.BeginWriting != "":
		return writing(ctx, conn, facts, f)
	default:
		return inTurn(ctx, conn, name, key, func(tx *sql.Tx) error { return f(tx) })
	}
}

// lockWait is how long to wait for another process that has a lock, in seconds.
const lockWait = 30

func locked(ctx context.Context, conn *sql.Conn, facts *dialect.Facts, key int64, f func(conn Conn) error) error {
	name := "auditplugin:" + strconv.FormatInt(key, 36)
	var locked sql.NullInt64
	if err := conn.QueryRowContext(ctx, facts.SessionLock, name, lockWait).Scan(&locked); err != nil {
		return err
	}
	if locked.Int64 != 1 {
		return errors.New("another process holds the lock")
	}
	// The connection goes back to the pool, also when ctx has ended.
	defer func() { _, _ = conn.ExecContext(context.WithoutCancel(ctx), facts.SessionUnlock, name) }()
	return f(conn)
}

func writing(ctx context.Context, conn *sql.Conn, facts *dialect.Facts, f func(conn Conn) error) (err error) {
	if _, err := conn.ExecContext(ctx, facts.BeginWriting); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_, _ = conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK")
		}
	}()
	if err := f(conn); err != nil {
		return err
	}
	_, err = conn.ExecContext(ctx, "COMMIT")
	return err
}
