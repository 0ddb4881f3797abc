package txn

import (
	"context"
	"database/sql"
	"sync"
	"sync/atomic"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/internal/delivery"
	"github.com/gorm-audit/auditplugin/internal/neighbour"
)

// Sources are the databases besides the plugin's own that statements may run in, as
// dbresolver leads them. Each has a follower, with a catalog and an audit table of its own.
// It is safe for concurrent use once its fields are set.
type Sources struct {
	// Own is the plugin's own pool.
	Own *sql.DB
	// Make makes the follower of another.
	Make func(pool *sql.DB) *Follower

	several atomic.Bool // set when there may be others: asking takes time
	mu      sync.RWMutex
	others  map[*sql.DB]*Follower
}

// Expect says that statements may run in other databases than the plugin's own.
func (x *Sources) Expect() { x.several.Store(true) }

// at is the follower of the database that a pool or transaction belongs to.
func (f *Follower) at(cp gorm.ConnPool) *Follower {
	if f.Sources == nil || !f.Sources.several.Load() {
		return f
	}
	if t, ours := of(cp); ours {
		return t.ledger.f
	}
	pool := neighbour.DB(cp)
	if pool == nil || pool == f.Sources.Own {
		return f
	}
	return f.Sources.of(f, pool)
}

func (x *Sources) of(main *Follower, pool *sql.DB) *Follower {
	x.mu.RLock()
	f, ok := x.others[pool]
	x.mu.RUnlock()
	if ok {
		return f
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if f, ok := x.others[pool]; ok {
		return f
	}
	if x.others == nil {
		x.others = map[*sql.DB]*Follower{}
	}
	f = x.Make(pool)
	f.main = main
	x.others[pool] = f
	return f
}

// all are the plugin's own follower and the others.
func (f *Follower) all() []*Follower {
	if f.main != nil {
		f = f.main
	}
	all := []*Follower{f}
	if f.Sources != nil {
		f.Sources.mu.RLock()
		defer f.Sources.mu.RUnlock()
		for _, other := range f.Sources.others {
			all = append(all, other)
		}
	}
	return all
}

// Ready makes sure that what a statement changes can be recorded in its database, before
// it runs in a transaction.
func (f *Follower) Ready(ctx context.Context, cp gorm.ConnPool) {
	if _, ours := of(cp); !ours {
		f.at(cp).Delivery.Ready(ctx)
	}
}

// DeliveryAt is who gets records of changes in the database that a pool belongs to.
func (f *Follower) DeliveryAt(cp gorm.ConnPool) *delivery.Delivery { return f.at(cp).Delivery }

// Unready is why nothing can be recorded in the transaction's database, nil where it can.
func (l *Ledger) Unready() error { return l.f.Delivery.Unready() }
