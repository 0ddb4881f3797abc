package txn

import (
	"context"
	"database/sql"
	"time"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/internal/driverconn"
)

// Pool stands in for db.ConnPool so that every transaction GORM begins is one of ours.
// Everything else goes to the pool it wraps.
type Pool struct {
	gorm.ConnPool
	f      *Follower
	id     uintptr
	shared *driverconn.Shared // nil where every statement goes through database/sql
}

var (
	_ gorm.ConnPool             = (*Pool)(nil)
	_ gorm.ConnPoolBeginner     = (*Pool)(nil)
	_ gorm.GetDBConnector       = (*Pool)(nil)
	_ interface{ Ping() error } = (*Pool)(nil)
)

// PrepareContext remembers the text of statements that a transaction must notice,
// because a prepared statement reaches it without its text.
func (p *Pool) PrepareContext(ctx context.Context, query string) (*sql.Stmt, error) {
	stmt, err := p.ConnPool.PrepareContext(ctx, query)
	if err == nil {
		p.f.remember(stmt, query)
	}
	return stmt, err
}

// BeginTx begins a transaction of the wrapped pool and wraps it. On failure the
// pool is a typed nil, as GORM's own path leaves it.
func (p *Pool) BeginTx(ctx context.Context, opts *sql.TxOptions) (gorm.ConnPool, error) {
	tx, err := p.begin(ctx, opts)
	if err != nil {
		return (*Transaction)(nil), err
	}
	return tx, nil
}

// begin is BeginTx with our type. On a *sql.DB the transaction's connection is ours to use.
func (p *Pool) begin(ctx context.Context, opts *sql.TxOptions) (*Transaction, error) {
	p.f.Delivery.Ready(ctx)
	db, ok := p.ConnPool.(*sql.DB)
	if !ok || p.shared == nil {
		tx, err := beginOn(ctx, p.ConnPool, opts)
		if err != nil {
			return nil, err
		}
		adopted := p.f.adopted(ctx, tx)
		adopted.ledger.pool, adopted.ledger.spare = p.id, ok
		return adopted, nil
	}
	// One allocation instead of four: each write has one.
	t := &struct {
		tx     Transaction
		ledger Ledger
		driver driverconn.Conn
		outer  driverconn.Outer
	}{}
	tx, open, err := t.driver.Begin(ctx, p.shared, db, opts, &t.ledger)
	if err != nil {
		return nil, err
	}
	if !open {
		adopted := p.f.adopted(ctx, tx)
		adopted.ledger.spare = true
		return adopted, nil
	}
	t.outer = driverconn.Outer{Tx: tx, Conn: &t.driver}
	t.ledger.open(ctx, p.f, &t.outer)
	t.ledger.pool, t.ledger.spare = p.id, true
	t.ledger.driver = &t.driver
	t.tx = Transaction{inner: tx, ledger: &t.ledger, driver: &t.driver}
	return &t.tx, nil
}

// beginOn begins a transaction on whatever kind of pool cp is.
func beginOn(ctx context.Context, cp gorm.ConnPool, opts *sql.TxOptions) (gorm.Tx, error) {
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
func (p *Pool) GetDBConn() (*sql.DB, error) {
	switch inner := p.ConnPool.(type) {
	case *sql.DB:
		return inner, nil
	case gorm.GetDBConnector:
		return inner.GetDBConn()
	}
	return nil, gorm.ErrInvalidDB
}

// Ping asks the wrapped pool.
func (p *Pool) Ping() error {
	if inner, ok := p.ConnPool.(interface{ Ping() error }); ok {
		return inner.Ping()
	}
	return nil
}

// The pool setters are what dbresolver looks for on a pool.

// SetMaxOpenConns is the wrapped pool's.
func (p *Pool) SetMaxOpenConns(n int) {
	if inner, ok := p.ConnPool.(interface{ SetMaxOpenConns(int) }); ok {
		inner.SetMaxOpenConns(n)
	}
}

// SetMaxIdleConns is the wrapped pool's.
func (p *Pool) SetMaxIdleConns(n int) {
	if inner, ok := p.ConnPool.(interface{ SetMaxIdleConns(int) }); ok {
		inner.SetMaxIdleConns(n)
	}
}

// SetConnMaxLifetime is the wrapped pool's.
func (p *Pool) SetConnMaxLifetime(d time.Duration) {
	if inner, ok := p.ConnPool.(interface{ SetConnMaxLifetime(time.Duration) }); ok {
		inner.SetConnMaxLifetime(d)
	}
}

// SetConnMaxIdleTime is the wrapped pool's.
func (p *Pool) SetConnMaxIdleTime(d time.Duration) {
	if inner, ok := p.ConnPool.(interface{ SetConnMaxIdleTime(time.Duration) }); ok {
		inner.SetConnMaxIdleTime(d)
	}
}
