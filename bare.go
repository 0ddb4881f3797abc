package auditplugin

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"sync"
	"time"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/audit"
)

// settleEvery is how often transactions out of sight are asked whether they are
// over. It bounds how late their records are announced once they are.
const settleEvery = 5 * time.Millisecond

// settleTries is how often the audit table is asked what survived before none of
// it is taken to have. database/sql calls a transaction done while its COMMIT is
// still on the way, so an early answer may be too early. Each pause is twice the
// one before: two and a half seconds in all.
const settleTries = 10

// bareTransactions are transactions that the application began out of our sight:
// on a db.Connection, on an unwrapped pool, or as a *sql.Tx of its own. Their
// records are written with each statement. Once such a transaction is over, the
// audit table itself says what survived, and that is announced.
type bareTransactions struct {
	mu      sync.Mutex
	open    map[*sql.Tx]*state
	running bool
	idle    chan struct{} // closed when nothing is open; nil while nothing was
}

// written is what a bound table emitter offers besides writing.
type written interface {
	Written(ctx context.Context, conn audit.Conn, transactionID string) ([]string, error)
}

// bareTx finds a transaction that is not ours in what a statement runs on.
func bareTx(cp gorm.ConnPool) (gorm.Tx, bool) {
	switch c := cp.(type) {
	case *gorm.PreparedStmtTX:
		return c.Tx, c.Tx != nil
	case armedConn:
		return bareTx(c.original())
	case gorm.Tx:
		return c, true
	}
	return nil, false
}

// state returns the books of a transaction out of sight.
func (b *bareTransactions) state(ctx context.Context, p *Plugin, tx gorm.Tx) *state {
	sqlTx, ok := tx.(*sql.Tx)
	if !ok {
		s := newState(ctx, p, tx)
		s.bare = true
		return s
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if s, known := b.open[sqlTx]; known {
		return s
	}
	s := newState(context.WithoutCancel(ctx), p, tx)
	s.bare = true
	if p.survivors() == nil {
		return s // nobody can be asked: nothing to wait for
	}
	s.unsettled = true
	if b.open == nil {
		b.open = map[*sql.Tx]*state{}
	}
	b.open[sqlTx] = s
	if !b.running {
		b.running = true
		b.idle = make(chan struct{})
		go b.watch(p)
	}
	return s
}

// survivors is the table that can tell what was committed, or nil.
func (p *Plugin) survivors() written {
	for _, e := range p.transactional {
		if w, ok := e.(written); ok {
			return w
		}
	}
	return nil
}

// ending is a transaction out of sight that is over, or about to be.
type ending struct {
	state *state
	tries int
	next  time.Time
}

// watch waits for the open transactions to end and announces what survived.
func (b *bareTransactions) watch(p *Plugin) {
	ticker := time.NewTicker(settleEvery)
	defer ticker.Stop()
	var over []*ending
	for now := range ticker.C {
		b.mu.Lock()
		for tx, s := range b.open {
			if isDone(tx) {
				over = append(over, &ending{state: s})
				delete(b.open, tx)
			}
		}
		b.mu.Unlock()
		over = slices.DeleteFunc(over, func(e *ending) bool {
			if now.Before(e.next) {
				return false
			}
			e.next = now.Add(settleEvery << e.tries)
			e.tries++
			return p.settle(e.state, e.tries == settleTries)
		})
		b.mu.Lock()
		if len(b.open) == 0 && len(over) == 0 {
			b.running = false
			close(b.idle)
			b.mu.Unlock()
			return
		}
		b.mu.Unlock()
	}
}

// isDone asks database/sql whether tx is over without touching its connection: a
// statement of another database is refused before anything is sent.
func isDone(tx *sql.Tx) bool {
	stmt := tx.StmtContext(context.Background(), &sql.Stmt{}) //nolint:sqlclosecheck // it was refused: there is nothing to close
	_, err := stmt.ExecContext(context.Background())
	return errors.Is(err, sql.ErrTxDone)
}

// settle announces the records of s that the audit table holds. It reports whether
// it is done: while the table holds none, or can not be asked, only at the last try.
func (p *Plugin) settle(s *state, last bool) bool {
	s.mu.Lock()
	s.done = true
	records, outside := s.buffer.records, s.outside
	s.mu.Unlock()
	if len(records) > 0 {
		ids, err := p.survivors().Written(s.ctx, p.outsideConn, s.id)
		if len(ids) == 0 && !last {
			return false
		}
		if err != nil {
			p.stats.failed.Add(uint64(len(records)))
			p.report(s.ctx, &quietError{
				text:  "auditplugin: transaction " + s.id + ": the audit table could not be asked what survived; its records are in the table but were not announced",
				kinds: []error{ErrAuditFailed, err},
			})
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
		p.announce(s.ctx, kept)
	}
	s.mu.Lock()
	s.buffer, s.keep, s.outside = batch{}, nil, nil
	s.mu.Unlock()
	p.emitOutside(s.ctx, outside)
	return true
}

// close waits until the transactions out of sight are over, or ctx is done.
func (b *bareTransactions) close(ctx context.Context) error {
	b.mu.Lock()
	running, idle := b.running, b.idle
	b.mu.Unlock()
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
