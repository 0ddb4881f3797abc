package txn

import (
	"context"
	"strings"
	"time"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/internal/catalog"
	"github.com/gorm-audit/auditplugin/internal/neighbour"
	"github.com/gorm-audit/auditplugin/internal/sqltext"
)

// spareWait is how long another connection is waited for to read the catalog on: all of
// the pool's may be in transactions that wait for one, too.
const spareWait = 100 * time.Millisecond

// place is what is known of what names mean on a transaction's connection. The ledger's
// mu guards it.
type place struct {
	// moved is set when the transaction changed its role, path or database; opaque when
	// a statement ran that may have done anything.
	moved, opaque bool
	// names are those of the connection, once asked.
	names string
	asked bool
	// keys are the connection's foreign keys: 0 until asked, then on or off.
	keys keysState
}

type keysState uint8

const (
	keysOn keysState = iota + 1
	keysOff
)

// Notice looks at a statement that is about to run outside of our transactions. Its
// connection may come back with any of the next ones.
func (f *Follower) Notice(ctx context.Context, cp gorm.ConnPool, query string) {
	if _, ours := of(cp); ours || !f.noteworthy(query) {
		return
	}
	f.noticeHand(cp, query)
	effect := sqltext.Effects(f.Dialect.Name(), query)
	if effect == 0 {
		return
	}
	if l, in := f.Unseen(ctx, cp); in {
		l.mu.Lock()
		l.changes(effect)
		l.mu.Unlock()
		f.moved.Store(true) // its books may not be found again
		return
	}
	if effect&sqltext.Lasts != 0 {
		f.moved.Store(true)
	}
}

// changes notes what a statement may change. The caller holds mu.
func (l *Ledger) changes(effect sqltext.Effect) {
	if effect&sqltext.Names != 0 {
		l.place.moved, l.place.asked = true, false
	}
	if effect&sqltext.Lasts != 0 {
		l.f.moved.Store(true)
	}
	if effect&sqltext.ForeignKeys != 0 {
		l.place.keys = 0
	}
	if effect&sqltext.Opaque != 0 {
		l.place.opaque, l.place.keys = true, 0
	}
	if effect&(sqltext.Names|sqltext.Opaque) != 0 {
		l.unsteady.Store(true)
	}
}

// Uncertain reports whether names may mean something else on the connection than they
// did when it was opened.
func (l *Ledger) Uncertain() bool { return l.unsteady.Load() || l.ddl.Load() || l.f.moved.Load() }

// Place is where the names of tables are looked up. certain is false where nothing that
// is remembered holds: definitions have changed in this transaction.
func (l *Ledger) Place(ctx context.Context) (p catalog.Place, certain bool, err error) {
	p.Pool = l.pool
	if !l.Uncertain() {
		return p, true, nil
	}
	l.mu.Lock()
	at := l.place
	l.mu.Unlock()
	query := l.f.Dialect.NamesQuery
	if l.ddl.Load() || at.opaque || at.moved && query == "" {
		return p, false, nil
	}
	if !at.asked && query != "" {
		if at.names, err = catalog.Names(ctx, l.conn, query); err != nil {
			return p, false, err
		}
		l.mu.Lock()
		l.place.names, l.place.asked = at.names, true
		l.mu.Unlock()
	}
	p.Names = at.names
	return p, true, nil
}

// ForeignKeys reports whether the connection's foreign keys change rows of children.
func (l *Ledger) ForeignKeys(ctx context.Context) bool {
	query := l.f.Dialect.ForeignKeysQuery
	if query == "" {
		return true
	}
	l.mu.Lock()
	keys := l.place.keys
	l.mu.Unlock()
	if keys == 0 {
		n, err := l.Int(ctx, query)
		if err != nil {
			return true // what they change is found out by reading
		}
		if keys = keysOff; n != 0 {
			keys = keysOn
		}
		l.mu.Lock()
		l.place.keys = keys
		l.mu.Unlock()
	}
	return keys == keysOn
}

// LoadTable reads the catalog's entry for a table, and leaves the transaction as it was.
func (l *Ledger) LoadTable(ctx context.Context, schema, table string) (*catalog.Table, error) {
	d := l.f.Dialect
	if !d.CatalogFixesSnapshot || l.IsLost() {
		return catalog.Load(ctx, l.conn, d.Name(), schema, table)
	}
	if !l.used.Load() {
		return l.loadAndBeginAgain(ctx, schema, table)
	}
	if t, err := l.loadOnSpare(ctx, schema, table); t != nil || err != nil {
		return t, err
	}
	return catalog.Load(ctx, l.conn, d.Name(), schema, table)
}

// loadAndBeginAgain reads the catalog in a transaction in which nothing has happened yet,
// and begins that anew: with the same isolation, and without a snapshot.
func (l *Ledger) loadAndBeginAgain(ctx context.Context, schema, table string) (*catalog.Table, error) {
	t, err := catalog.Load(ctx, l.conn, l.f.Dialect.Name(), schema, table)
	if err != nil {
		return nil, err
	}
	if _, err := l.conn.ExecContext(ctx, l.f.Dialect.BeginAgain); err != nil {
		return nil, err
	}
	return t, nil
}

// loadOnSpare reads the catalog on another connection of the pool. It returns nil where
// there is none to be had, or none on which names mean the same.
func (l *Ledger) loadOnSpare(ctx context.Context, schema, table string) (*catalog.Table, error) {
	pool := l.f.spareFor(l.pool)
	if pool == nil || pool.Stats().MaxOpenConnections == 1 {
		return nil, nil
	}
	waiting, cancel := context.WithTimeout(ctx, spareWait)
	conn, err := pool.Conn(waiting)
	cancel()
	if err != nil {
		return nil, ctx.Err()
	}
	defer func() { _ = conn.Close() }() // it goes back to the pool
	if l.Uncertain() && l.f.Dialect.NamesQuery != "" {
		here, err := catalog.Names(ctx, l.conn, l.f.Dialect.NamesQuery)
		if err != nil {
			return nil, err
		}
		there, err := catalog.Names(ctx, conn, l.f.Dialect.NamesQuery)
		if err != nil {
			return nil, err
		}
		current, role, _ := strings.Cut(here, "\x00")
		if _, other, _ := strings.Cut(there, "\x00"); other != role || schema == "" && current == "" {
			return nil, nil
		}
		if schema == "" {
			schema = current
		}
	}
	return catalog.Load(ctx, conn, l.f.Dialect.Name(), schema, table)
}

// PoolOf tells the pool that a connection is of apart from others, as [Ledger.Place] does.
func PoolOf(conn any) uintptr {
	if t, ours := conn.(*Transaction); ours {
		return t.ledger.pool
	}
	return neighbour.Database(conn)
}
