package txn

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/internal/dialect"
	"github.com/gorm-audit/auditplugin/internal/driverconn"
)

// Transaction stands in for the transaction that GORM works on. It notices
// savepoints, writes the buffered records before COMMIT and announces them after.
// It is deliberately another type than Pool: GORM and dbresolver tell a
// transaction from a pool by its methods.
type Transaction struct {
	inner  gorm.Tx
	ledger *Ledger
	driver *driverconn.Conn // nil where its connection is not ours
}

var (
	_ gorm.Tx             = (*Transaction)(nil)
	_ gorm.GetDBConnector = (*Transaction)(nil)
)

// ExecContext runs a statement of the application.
func (t *Transaction) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	acts, err := t.ledger.before(ctx, query)
	if err != nil {
		return nil, err
	}
	res, err := t.inner.ExecContext(ctx, query, args...)
	t.ledger.after(ctx, acts, err)
	return res, err
}

// QueryContext runs a query of the application.
func (t *Transaction) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	acts, err := t.ledger.before(ctx, query)
	if err != nil {
		return nil, err
	}
	rows, err := t.inner.QueryContext(ctx, query, args...)
	t.ledger.after(ctx, acts, err)
	return rows, err
}

// QueryRowContext runs a query of the application.
func (t *Transaction) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	acts, err := t.ledger.before(ctx, query)
	if err != nil {
		// A *sql.Row can not be made to hold our error; the query still runs, and
		// the failed flush fails the commit.
		t.ledger.Poison(err)
	}
	row := t.inner.QueryRowContext(ctx, query, args...)
	t.ledger.after(ctx, acts, row.Err())
	return row
}

// PrepareContext remembers the text of statements that must be noticed later.
func (t *Transaction) PrepareContext(ctx context.Context, query string) (*sql.Stmt, error) {
	stmt, err := t.inner.PrepareContext(ctx, query)
	if err == nil {
		t.ledger.f.remember(stmt, query)
	} else {
		t.ledger.after(ctx, nil, err)
	}
	return stmt, err
}

// StmtContext is how prepared statements reach a transaction. They run through
// the *sql.Stmt, out of our sight, so what they will do is noted here.
func (t *Transaction) StmtContext(ctx context.Context, stmt *sql.Stmt) *sql.Stmt {
	t.ledger.used.Store(true)
	query, ok := t.ledger.f.prepared.text(stmt)
	if !ok {
		// The text was not worth remembering: an ordinary statement. Its errors
		// reach us through the capturing connection.
		return t.inner.StmtContext(ctx, stmt)
	}
	acts, err := t.ledger.before(ctx, query)
	if err != nil {
		t.ledger.Poison(err)
	}
	t.ledger.after(ctx, acts, nil)
	return t.inner.StmtContext(ctx, stmt)
}

// GetDBConn returns the *sql.DB of the pool.
func (t *Transaction) GetDBConn() (*sql.DB, error) {
	if t == nil {
		return nil, gorm.ErrInvalidDB
	}
	if c, ok := t.inner.(gorm.GetDBConnector); ok {
		return c.GetDBConn()
	}
	return (&gorm.DB{Config: &gorm.Config{ConnPool: t.inner}}).DB()
}

// Ledger has the books of the transaction.
func (t *Transaction) Ledger() *Ledger { return t.ledger }

// Commit writes the buffered records, commits, and announces the records. Where
// plain GORM's Commit would fail, it fails with the same error.
func (t *Transaction) Commit() error {
	l := t.ledger
	l.mu.Lock()
	err := t.commit()
	t.driver.Ended() // others may need the connection from here on
	n := l.end(err == nil)
	l.mu.Unlock()
	l.tell(l.ctx, n)
	return err
}

func (t *Transaction) commit() error {
	l := t.ledger
	if l.done {
		return t.commitInner() // it fails, in the words of database/sql
	}
	if l.ctx.Err() != nil {
		return t.tooLate()
	}
	if err := l.commitBlocker(); err != nil {
		_ = t.rollbackInner() // the reason for it is what the caller needs
		return err
	}
	if err := l.flush(l.ctx); err != nil {
		if l.ctx.Err() != nil {
			return t.tooLate()
		}
		if l.f.Dialect.Is(err, dialect.Aborted) || errors.Is(err, driver.ErrBadConn) {
			return t.commitInner() // the server rolls back, or there is no connection to it
		}
		_ = t.rollbackInner()
		return err
	}
	return t.commitInner()
}

// tooLate is Commit after the context has ended, as database/sql words it. Its own
// Commit could still succeed, without the records: the end of a context reaches the
// one that it derived a moment later.
func (t *Transaction) tooLate() error {
	// Nothing of ours runs any more, so there is nothing to finish first.
	if err := t.inner.Rollback(); errors.Is(err, sql.ErrTxDone) {
		return err
	}
	return t.ledger.ctx.Err()
}

// Nothing of ours may run on the connection once its transaction is over.

func (t *Transaction) commitInner() error {
	t.driver.Finish()
	return t.inner.Commit()
}

func (t *Transaction) rollbackInner() error {
	t.driver.Finish()
	return t.inner.Rollback()
}

// Rollback rolls back and drops the records.
func (t *Transaction) Rollback() error {
	err := t.rollbackInner()
	t.driver.Ended()
	t.ledger.mu.Lock()
	n := t.ledger.end(false)
	t.ledger.mu.Unlock()
	t.ledger.tell(t.ledger.ctx, n)
	return err
}
