// Package txn follows a transaction: what was recorded in it, its savepoints, how it ends.
// Its pool stands in for GORM's, so that every transaction GORM begins is one of ours; for
// those begun out of sight it asks the audit table afterwards what survived.
package txn

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/internal/catalog"
	"github.com/gorm-audit/auditplugin/internal/delivery"
	"github.com/gorm-audit/auditplugin/internal/dialect"
	"github.com/gorm-audit/auditplugin/internal/driverconn"
	"github.com/gorm-audit/auditplugin/internal/fault"
	"github.com/gorm-audit/auditplugin/internal/neighbour"
)

// Follower follows the transactions of one database. It is safe for concurrent use once
// its fields are set.
type Follower struct {
	Dialect  *dialect.Dialect
	Delivery *delivery.Delivery
	Catalog  *catalog.Cache
	// AuditTables are those that Delivery writes to, without schemas: who reads them
	// finds what is buffered.
	AuditTables []string
	// BufferLimit is how many records a transaction holds before they are written early.
	BufferLimit int
	// ThroughSQL sends every statement through database/sql, never to the driver itself.
	ThroughSQL bool
	// Sources are the other databases; nil in what follows one of them.
	Sources *Sources

	main     *Follower // the plugin's own, in what follows another
	prepared preparedTexts
	// moved is set once a connection was seen to change its role, path or database for
	// good: any connection may be that one.
	moved atomic.Bool
	// pools are the pools that were wrapped, by what tells them apart.
	pools  sync.Map // uintptr → *sql.DB
	unseen unseen
	// hands are the transactions begun by hand, by their connection.
	hands sync.Map // *sql.Conn → *byHand
}

// Wrap puts our pool in the place of db's, which may lead to another database.
func (f *Follower) Wrap(db *gorm.DB) {
	f = f.at(db.ConnPool)
	neighbour.ReplacePool(db, func(cp gorm.ConnPool) gorm.ConnPool {
		p := &Pool{ConnPool: cp, f: f, id: neighbour.Database(cp)}
		if db, ok := cp.(*sql.DB); ok {
			f.pools.Store(p.id, db)
		}
		if !f.ThroughSQL {
			p.shared = driverconn.NewShared(f.Dialect, db.Dialector, cp)
		}
		return p
	})
}

// of finds our transaction in what a statement runs on.
func of(cp gorm.ConnPool) (*Transaction, bool) {
	t, ok := neighbour.Transaction(cp).(*Transaction)
	return t, ok && t != nil
}

// Seen returns the books of the transaction that a statement runs in, if it is one of ours.
func (f *Follower) Seen(cp gorm.ConnPool) (*Ledger, bool) {
	if t, ok := of(cp); ok {
		return t.ledger, true
	}
	return nil, false
}

// Unseen returns the books of a transaction that was begun out of our sight.
func (f *Follower) Unseen(ctx context.Context, cp gorm.ConnPool) (*Ledger, bool) {
	tx := neighbour.Transaction(cp)
	if tx == nil {
		hand := f.hand(cp)
		if hand == nil {
			return nil, false
		}
		f = f.at(hand.Conn)
		return f.unseen.ledger(ctx, f, hand), true
	}
	f = f.at(tx)
	return f.unseen.ledger(ctx, f, tx), true
}

// Adopt returns cp with the transaction in it wrapped, for one that GORM began on a pool
// that is not ours: it is seen from here on.
func (f *Follower) Adopt(ctx context.Context, cp gorm.ConnPool) gorm.ConnPool {
	tx := neighbour.Transaction(cp)
	if _, ours := of(cp); ours || tx == nil {
		return cp
	}
	adopted := f.at(tx).adopted(ctx, tx)
	adopted.ledger.used.Store(true) // somebody else's: anything may have run in it
	return neighbour.WithTransaction(cp, adopted)
}

func (f *Follower) adopted(ctx context.Context, tx gorm.Tx) *Transaction {
	l := &Ledger{}
	l.open(ctx, f, tx)
	return &Transaction{inner: tx, ledger: l}
}

// spareFor is the pool that a transaction's connection is of, or nil.
func (f *Follower) spareFor(pool uintptr) *sql.DB {
	if db, ok := f.pools.Load(pool); ok {
		return db.(*sql.DB)
	}
	if db, ok := f.Delivery.Outside.(*sql.DB); ok && neighbour.Database(db) == pool {
		return db
	}
	return nil
}

// Begin opens a transaction on the pool that a statement would have run on. The statement
// runs on what it returns.
func (f *Follower) Begin(ctx context.Context, pool gorm.ConnPool) (gorm.ConnPool, *Transaction, error) {
	tx, err := f.begin(ctx, neighbour.Pool(pool))
	if err != nil {
		return nil, nil, err
	}
	return neighbour.Begun(pool, tx), tx, nil
}

func (f *Follower) begin(ctx context.Context, pool gorm.ConnPool) (*Transaction, error) {
	if p, ok := pool.(*Pool); ok {
		return p.begin(ctx, nil)
	}
	f = f.at(pool)
	f.Delivery.Ready(ctx)
	inner, err := beginOn(ctx, pool, nil)
	if errors.Is(err, gorm.ErrInvalidTransaction) {
		return nil, fmt.Errorf("%w: %T can not begin a transaction, without which a change and its record may part", fault.ErrUnsupportedPool, pool)
	}
	if err != nil {
		return nil, err
	}
	adopted := f.adopted(ctx, inner)
	_, adopted.ledger.spare = pool.(*sql.DB)
	return adopted, nil
}

// After writes an event that must survive: after the transaction that a statement runs in,
// or at once where there is none.
func (f *Follower) After(ctx context.Context, cp gorm.ConnPool, event audit.Record) {
	if l, ok := f.Seen(cp); ok {
		event.TransactionID = l.ID
		l.later(ctx, event)
		return
	}
	if l, ok := f.Unseen(ctx, cp); ok {
		// Another connection may not be had while this one is in use.
		if l.unsettled {
			l.later(ctx, event)
		} else {
			l.f.Delivery.Announce(ctx, []audit.Record{event})
		}
		return
	}
	f.at(cp).Delivery.EmitOutside(ctx, event)
}

// Close waits until the transactions out of sight are over, or ctx is done.
func (f *Follower) Close(ctx context.Context) error {
	var errs []error
	for _, other := range f.all() {
		errs = append(errs, other.unseen.close(ctx))
	}
	return errors.Join(errs...)
}

// SQLTx is the *sql.Tx under the transaction that a statement runs in. Whoever has it may
// end the transaction by it.
func SQLTx(cp gorm.ConnPool) (*sql.Tx, error) {
	tx := neighbour.Transaction(cp)
	if t, ours := of(cp); ours {
		t.driver.Detach()
		t.ledger.used.Store(true)
		tx = t.inner
	}
	if sqlTx, ok := tx.(*sql.Tx); ok && sqlTx != nil {
		return sqlTx, nil
	}
	return nil, fmt.Errorf("auditplugin: SQLTx: %T: %w", cp, gorm.ErrInvalidTransaction)
}
