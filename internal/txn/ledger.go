package txn

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/internal/delivery"
	"github.com/gorm-audit/auditplugin/internal/dialect"
	"github.com/gorm-audit/auditplugin/internal/driverconn"
	"github.com/gorm-audit/auditplugin/internal/entry"
	"github.com/gorm-audit/auditplugin/internal/fault"
	"github.com/gorm-audit/auditplugin/internal/neighbour"
	"github.com/gorm-audit/auditplugin/internal/observe"
)

// Ledger has the books of one database transaction: what it has recorded so far, and what
// is known of its connection. It is safe for concurrent use. Indexes into its buffer are
// absolute: the first has index base.
type Ledger struct {
	// ID is the transaction's id in records.
	ID string

	f    *Follower
	ctx  context.Context
	conn gorm.Tx
	// driver is the connection without database/sql, or nil.
	driver *driverconn.Conn

	mu      sync.Mutex
	buffer  delivery.Batch
	lenient []bool // by record: its write stays when it can not be written
	base    int
	counted int            // of the buffer's records, those that Delivery knows of
	tally   *observe.Tally // for observers, nil without
	told    int            // others were told of records below it, or will never be
	flushed int            // records below it are in the audit table
	points  []savepoint
	outside []audit.Record // events to write when the transaction is over
	// poison is why the transaction must not commit.
	poison error
	place  place
	// pool tells the connection's pool from others.
	pool uintptr
	// ddl is set when definitions changed: what others know of the tables does not hold
	// here. unsteady is set when names may have come to mean something else.
	ddl, unsteady atomic.Bool
	// used is set once anything has run in the transaction.
	used atomic.Bool
	// unseen is set for a transaction whose end we can not see: its records are written
	// at once. They are announced at once too, unless unsettled says that the audit
	// table will be asked later what survived.
	unseen, unsettled bool
	// spare tells that after the commit a connection can be had; held that from here on
	// records stay in memory, since some are nowhere else.
	spare, held bool
	// lost is set when the server ended the transaction; autocommit when it now
	// commits each statement by itself.
	lost, autocommit bool
	// suspect is set when an error may have gone by unseen.
	suspect bool
	// writer is set once a SQLite transaction holds the write lock.
	writer bool
	done   bool
}

func (l *Ledger) open(ctx context.Context, f *Follower, conn gorm.Tx) {
	if f.Delivery.Writes() && f.Delivery.Keeps() {
		ctx = entry.ShareEncodings(ctx)
	}
	l.f, l.ID, l.ctx, l.conn = f, entry.NewID(), ctx, conn
	l.pool = neighbour.Database(conn)
}

// Conn is the transaction's connection for statements of ours.
func (l *Ledger) Conn() audit.Conn { return l.conn }

// Add takes the records of one statement. lenient says that the write stays when they can
// not be written.
func (l *Ledger) Add(ctx context.Context, records []audit.Record, lenient bool) error {
	if len(records) == 0 {
		return nil
	}
	return l.AddBatch(ctx, l.f.Delivery.BatchOf(records), lenient)
}

// AddBatch is Add for what is a batch already. It copies what it keeps.
func (l *Ledger) AddBatch(ctx context.Context, b delivery.Batch, lenient bool) error {
	if b.Len() == 0 {
		return nil
	}
	l.mu.Lock()
	l.suspected()
	for range b.Len() {
		l.lenient = append(l.lenient, lenient)
	}
	l.buffer.Append(b)
	l.f.Delivery.Made(b.Len())
	l.count(b)
	var err error
	if l.unseen || l.autocommit || l.base+l.buffer.Len()-l.flushed >= l.f.BufferLimit {
		err = l.flush(ctx)
	}
	var n news
	switch {
	case !l.immediate():
	case l.behind() == 0 || !l.f.Delivery.Keeps():
		n.told = l.take()
	case err != nil: // after those that are told of at the end
		l.flushed, l.held = l.base+l.buffer.Len(), true
	}
	if l.unseen || l.autocommit {
		if made := l.tallied(); err == nil {
			n.tally = made
		}
	}
	l.weigh()
	l.mu.Unlock()
	l.tell(ctx, n)
	return err
}

// news is what others are told of once mu is free.
type news struct {
	told    delivery.Committed
	tally   *observe.Tally
	outside []audit.Record // events to write
}

func (l *Ledger) tell(ctx context.Context, n news) {
	l.f.Delivery.Observe.Committed(ctx, l.ID, n.tally)
	l.f.Delivery.Committed(ctx, n.told)
	l.f.Delivery.EmitOutside(ctx, n.outside...)
}

// immediate reports whether others are told of each statement at once.
func (l *Ledger) immediate() bool { return l.unseen && !l.unsettled || l.autocommit }

// behind is how many records others have not been told of that are in the audit table only.
func (l *Ledger) behind() int { return l.base - l.told }

// take empties the buffer, and returns what others are to be told of. The caller holds mu.
func (l *Ledger) take() delivery.Committed {
	taken := delivery.Committed{Transaction: l.ID, Back: l.behind(), N: l.behind() + l.buffer.Len(), Records: l.buffer.Records}
	l.base += l.buffer.Len()
	l.flushed, l.told = l.base, l.base
	l.buffer, l.lenient = delivery.Batch{}, nil
	return taken
}

// later keeps an event that must survive the transaction's rollback.
func (l *Ledger) later(ctx context.Context, r audit.Record) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.done {
		go l.f.Delivery.EmitOutside(ctx, r)
		return
	}
	l.outside = append(l.outside, r)
}

// Lost tells of n records that were let go, of which first is the first.
func (l *Ledger) Lost(ctx context.Context, first audit.Record, n int, cause error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.outside = append(l.outside, l.f.Delivery.Lost(ctx, first, n, cause))
}

// flush writes the records that are not in the audit table yet. The caller holds mu.
func (l *Ledger) flush(ctx context.Context) error {
	from := l.flushed - l.base
	if !l.f.Delivery.Writes() || from >= l.buffer.Len() {
		return nil
	}
	pending := l.buffer.From(from)
	lenient := true
	for _, is := range l.lenient[from:] {
		lenient = lenient && is
	}
	err := l.write(ctx, pending, lenient)
	if err != nil && !lenient {
		if l.f.Dialect.Is(err, dialect.Transaction) {
			// A deadlock or a serialization failure: applications repeat those, and
			// know them by the driver's own error.
			return innermost(err)
		}
		first := pending.First()
		return l.f.Delivery.Observe.Refused(ctx, fault.Quiet(
			fmt.Sprintf("%v: %s %s: the audit table refused it%s (%d records of transaction %s)", fault.ErrAuditFailed, first.RecordType, first.Action, neighbour.Because(err), pending.Len(), l.ID),
			fault.ErrAuditFailed, err))
	}
	l.flushed = l.base + l.buffer.Len()
	if err != nil {
		l.outside = append(l.outside, l.f.Delivery.Lost(ctx, pending.First(), pending.Len(), err))
		l.held = true
		l.discount(pending)
	}
	if l.mayLetGo() {
		l.letGo()
	}
	return nil
}

// Settle writes the records made so far, so that what triggers record from here on stands
// behind them.
func (l *Ledger) Settle(ctx context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.done || l.lost || l.poison != nil {
		return nil // it is not going to commit
	}
	return l.flush(ctx)
}

// mayLetGo reports whether nobody needs records in memory that are in the audit table:
// nobody wants them after the commit, or they are many and can be read back then. The
// caller holds mu.
func (l *Ledger) mayLetGo() bool {
	d := l.f.Delivery
	switch {
	case !d.Keeps():
		return true
	case l.held || l.behind() == 0 && (l.immediate() || l.buffer.Len() < l.f.BufferLimit):
		return false
	}
	return (l.spare || l.unsettled) && d.ReadsBack()
}

// letGo empties the buffer, all of which is in the audit table. A rollback to a savepoint
// takes from the table what was written after it: what was made before it, and so is needed
// again, the savepoint keeps. The caller holds mu.
func (l *Ledger) letGo() {
	for i := range l.points {
		if p := &l.points[i]; p.flushed >= l.base && p.flushed < p.len {
			p.pending = l.buffer.Part(p.flushed-l.base, p.len-l.base)
			p.lenient = slices.Clone(l.lenient[p.flushed-l.base : p.len-l.base])
		}
	}
	l.base = l.flushed
	l.buffer.Truncate(0)
	l.lenient = l.lenient[:0]
	l.weigh()
}

// innermost is the driver's error in what emitters wrapped around it.
func innermost(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}

// write calls the transactional emitters. A lenient failure must leave the
// transaction usable, which on PostgreSQL takes a savepoint.
func (l *Ledger) write(ctx context.Context, pending delivery.Batch, lenient bool) error {
	if !lenient || l.autocommit {
		return l.f.Delivery.Write(ctx, l.conn, pending)
	}
	if _, err := l.conn.ExecContext(ctx, "SAVEPOINT auditplugin_flush"); err != nil {
		return err
	}
	err := l.f.Delivery.Write(ctx, l.conn, pending)
	if err != nil {
		if _, rerr := l.conn.ExecContext(ctx, "ROLLBACK TO SAVEPOINT auditplugin_flush"); rerr != nil {
			return err
		}
	}
	if _, rerr := l.conn.ExecContext(ctx, "RELEASE SAVEPOINT auditplugin_flush"); rerr != nil && err == nil {
		err = rerr
	}
	return err
}

// drop forgets the records of changes that are gone. The caller holds mu.
func (l *Ledger) drop() {
	l.lost, l.autocommit = true, true
	l.take()
	l.weigh()
	l.points, l.tally = nil, nil
}

// Ended reports whether the transaction was committed or rolled back.
func (l *Ledger) Ended() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.done
}

// IsLost reports whether the server ended the transaction.
func (l *Ledger) IsLost() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lost
}

// IsUnseen reports whether nobody could refuse the commit.
func (l *Ledger) IsUnseen() bool { return l.unseen }

// IsWriter reports whether the transaction is a SQLite writer already; BecameWriter says
// that it is.
func (l *Ledger) IsWriter() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.writer
}

// BecameWriter says that the transaction holds SQLite's write lock.
func (l *Ledger) BecameWriter() {
	l.mu.Lock()
	l.writer = true
	l.mu.Unlock()
}

// Poison keeps the transaction from committing. The first reason counts.
func (l *Ledger) Poison(err error) {
	l.mu.Lock()
	if l.poison == nil {
		l.poison = err
	}
	l.mu.Unlock()
}

// commitBlocker returns why the transaction must not commit. The caller holds mu.
func (l *Ledger) commitBlocker() error {
	d := l.f.Dialect
	if l.buffer.Len() > 0 {
		// Before the records of a transaction that is gone are committed by themselves.
		l.suspected()
	}
	if l.lost {
		if d.CommitTells {
			if err := l.conn.Commit(); err != nil {
				return err
			}
		}
		return fmt.Errorf("%w: changes made before the error were rolled back by the server", fault.ErrTransactionLost)
	}
	return l.poison
}

// end closes the books.
func (l *Ledger) end(committed bool) (n news) {
	if l.done {
		return n
	}
	l.done = true
	if l.ddl.Load() {
		l.f.Catalog.Clear()
	}
	n.told, n.tally = l.take(), l.tallied()
	l.weigh()
	if !committed && !l.autocommit {
		n = news{}
	}
	n.outside = l.outside
	l.points, l.outside = nil, nil
	return n
}
