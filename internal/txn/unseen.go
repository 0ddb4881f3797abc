package txn

import (
	"context"
	"database/sql"
	"slices"
	"sync"
	"time"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/internal/delivery"
	"github.com/gorm-audit/auditplugin/internal/fault"
	"github.com/gorm-audit/auditplugin/internal/neighbour"
)

// settleEvery is how often transactions out of sight are asked whether they are
// over. It bounds how late their records are announced once they are.
const settleEvery = 5 * time.Millisecond

// settleTries is how often the audit table is asked what survived before none of
// it is taken to have. database/sql calls a transaction done while its COMMIT is
// still on the way, so an early answer may be too early. Each pause is twice the
// one before: two and a half seconds in all.
const settleTries = 10

// unseen are transactions that the application began out of our sight:
// on a db.Connection, on an unwrapped pool, or as a *sql.Tx of its own. Their
// records are written with each statement. Once such a transaction is over, the
// audit table itself says what survived, and that is announced.
type unseen struct {
	mu      sync.Mutex
	open    map[gorm.Tx]*Ledger
	running bool
	idle    chan struct{} // closed when nothing is open; nil while nothing was
}

func newUnseen(ctx context.Context, f *Follower, tx gorm.Tx) *Ledger {
	l := &Ledger{unseen: true}
	l.open(ctx, f, tx)
	if hand, ok := tx.(*byHand); ok {
		l.pool = neighbour.Database(hand.Conn)
	}
	l.used.Store(true)
	return l
}

// ledger returns the books of a transaction out of sight.
func (u *unseen) ledger(ctx context.Context, f *Follower, tx gorm.Tx) *Ledger {
	switch tx.(type) {
	case *sql.Tx, *byHand:
	default:
		return newUnseen(ctx, f, tx)
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if l, known := u.open[tx]; known {
		return l
	}
	l := newUnseen(context.WithoutCancel(ctx), f, tx)
	if f.Delivery.Survivor() == nil {
		return l // nobody can be asked: nothing to wait for
	}
	l.unsettled = true
	if u.open == nil {
		u.open = map[gorm.Tx]*Ledger{}
	}
	u.open[tx] = l
	if !u.running {
		u.running = true
		u.idle = make(chan struct{})
		go u.watch(f)
	}
	return l
}

// ending is a transaction out of sight that is over, or about to be.
type ending struct {
	ledger *Ledger
	tries  int
	next   time.Time
}

// watch waits for the open transactions to end and announces what survived.
func (u *unseen) watch(f *Follower) {
	ticker := time.NewTicker(settleEvery)
	defer ticker.Stop()
	var over []*ending
	for now := range ticker.C {
		u.mu.Lock()
		for tx, l := range u.open {
			if isOver(tx) {
				over = append(over, &ending{ledger: l})
				delete(u.open, tx)
			}
		}
		u.mu.Unlock()
		over = slices.DeleteFunc(over, func(e *ending) bool {
			if now.Before(e.next) {
				return false
			}
			e.next = now.Add(settleEvery << e.tries)
			e.tries++
			return f.settle(e.ledger, e.tries == settleTries)
		})
		u.mu.Lock()
		if len(u.open) == 0 && len(over) == 0 {
			u.running = false
			close(u.idle)
			u.mu.Unlock()
			return
		}
		u.mu.Unlock()
	}
}

// settle announces the records of l that the audit table holds. It reports whether
// it is done: while the table holds none, or can not be asked, only at the last try.
func (f *Follower) settle(l *Ledger, last bool) bool {
	l.mu.Lock()
	l.done = true
	records, outside, behind, n := l.buffer.Records, l.outside, l.behind(), l.behind()+l.buffer.Len()
	l.mu.Unlock()
	switch {
	case n == 0 || !f.Delivery.Announces():
	case behind > 0: // not all of them are at hand, if any
		there, err := f.Delivery.Count(l.ctx, l.ID)
		if there == 0 && !last {
			return false
		}
		if err != nil {
			f.unasked(l, n, err)
		}
		f.Delivery.Committed(l.ctx, delivery.Committed{Transaction: l.ID, N: there, Back: there})
	default:
		ids, err := f.Delivery.Survivor().Written(l.ctx, f.Delivery.Outside, l.ID)
		if len(ids) == 0 && !last {
			return false
		}
		if err != nil {
			f.unasked(l, n, err)
		}
		there := make(map[string]bool, len(ids))
		for _, id := range ids {
			there[id] = true
		}
		kept := records[:0:0]
		for _, r := range records {
			if there[r.ID] {
				kept = append(kept, r)
			}
		}
		f.Delivery.Announce(l.ctx, kept)
	}
	l.mu.Lock()
	l.buffer, l.lenient, l.outside = delivery.Batch{}, nil, nil
	l.weigh()
	l.mu.Unlock()
	f.Delivery.EmitOutside(l.ctx, outside...)
	return true
}

// unasked tells that nobody could say what survived.
func (f *Follower) unasked(l *Ledger, n int, err error) {
	f.Delivery.Failed(n)
	f.Delivery.Report(l.ctx, fault.Quiet(
		"auditplugin: transaction "+l.ID+": the audit table could not be asked what survived"+neighbour.Because(err)+"; its records are in the table but were not announced",
		fault.ErrAuditFailed, err))
}

// close waits until the transactions out of sight are over, or ctx is done.
func (u *unseen) close(ctx context.Context) error {
	u.mu.Lock()
	running, idle := u.running, u.idle
	u.mu.Unlock()
	if !running {
		return nil
	}
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
