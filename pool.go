package auditplugin

import (
	"context"
	"database/sql"
	"sync"
	"time"

	"gorm.io/gorm"
)

// pool stands in for db.ConnPool so that every transaction GORM begins is one of
// ours. Everything else goes to the pool it wraps.
type pool struct {
	gorm.ConnPool
	p        *Plugin
	prepared *sessions // nil where there is nothing to gain
	buffers  sync.Pool // of *buffers
}

var (
	_ gorm.ConnPool             = (*pool)(nil)
	_ gorm.ConnPoolBeginner     = (*pool)(nil)
	_ gorm.GetDBConnector       = (*pool)(nil)
	_ interface{ Ping() error } = (*pool)(nil)
)

// PrepareContext remembers the text of statements that a transaction must notice,
// because a prepared statement reaches it without its text.
func (c *pool) PrepareContext(ctx context.Context, query string) (*sql.Stmt, error) {
	stmt, err := c.ConnPool.PrepareContext(ctx, query)
	if err == nil {
		c.p.prepared.remember(c.p, stmt, query)
	}
	return stmt, err
}

// BeginTx begins a transaction of the wrapped pool and wraps it. On failure the
// pool is a typed nil, as GORM's own path leaves it.
func (c *pool) BeginTx(ctx context.Context, opts *sql.TxOptions) (gorm.ConnPool, error) {
	tx, err := c.begin(ctx, opts)
	if err != nil {
		return (*transaction)(nil), err
	}
	return tx, nil
}

// begin is BeginTx; on a *sql.DB the transaction's connection is ours to use.
func (c *pool) begin(ctx context.Context, opts *sql.TxOptions) (*transaction, error) {
	if db, ok := c.ConnPool.(*sql.DB); ok {
		return c.beginDirect(ctx, db, opts)
	}
	tx, err := beginRaw(ctx, c.ConnPool, opts)
	if err != nil {
		return nil, err
	}
	return c.p.newTransaction(ctx, tx), nil
}

// beginRaw begins a transaction on whatever kind of pool cp is.
func beginRaw(ctx context.Context, cp gorm.ConnPool, opts *sql.TxOptions) (gorm.Tx, error) {
	switch b := cp.(type) {
	case gorm.TxBeginner:
		tx, err := b.BeginTx(ctx, opts)
		if err != nil {
			return nil, err
		}
		return tx, nil
	case gorm.ConnPoolBeginner:
		inner, err := b.BeginTx(ctx, opts)
		if err != nil {
			return nil, err
		}
		if tx, ok := inner.(gorm.Tx); ok {
			return tx, nil
		}
	}
	return nil, gorm.ErrInvalidTransaction
}

// GetDBConn returns the *sql.DB underneath, for db.DB().
func (c *pool) GetDBConn() (*sql.DB, error) {
	switch inner := c.ConnPool.(type) {
	case *sql.DB:
		return inner, nil
	case gorm.GetDBConnector:
		return inner.GetDBConn()
	}
	return nil, gorm.ErrInvalidDB
}

// Ping asks the wrapped pool.
func (c *pool) Ping() error {
	if inner, ok := c.ConnPool.(interface{ Ping() error }); ok {
		return inner.Ping()
	}
	return nil
}

// The pool setters are what dbresolver looks for on a pool.

func (c *pool) SetMaxOpenConns(n int) {
	if inner, ok := c.ConnPool.(interface{ SetMaxOpenConns(int) }); ok {
		inner.SetMaxOpenConns(n)
	}
}

func (c *pool) SetMaxIdleConns(n int) {
	if inner, ok := c.ConnPool.(interface{ SetMaxIdleConns(int) }); ok {
		inner.SetMaxIdleConns(n)
	}
}

func (c *pool) SetConnMaxLifetime(d time.Duration) {
	if inner, ok := c.ConnPool.(interface{ SetConnMaxLifetime(time.Duration) }); ok {
		inner.SetConnMaxLifetime(d)
	}
}

func (c *pool) SetConnMaxIdleTime(d time.Duration) {
	if inner, ok := c.ConnPool.(interface{ SetConnMaxIdleTime(time.Duration) }); ok {
		inner.SetConnMaxIdleTime(d)
	}
}
