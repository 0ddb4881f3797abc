package auditplugin

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/internal/entry"
	"github.com/gorm-audit/auditplugin/internal/sqltext"
)

// state is what one database transaction has recorded so far. Indexes into its
// buffer are absolute: the first has index base.
type state struct {
	p    *Plugin
	id   string
	ctx  context.Context
	conn gorm.Tx
	// direct is the connection without database/sql, or nil.
	direct *direct
	// bare is set for a transaction whose end we can not see: its records are
	// written at once. They are announced at once too, unless unsettled says that
	// the audit table will be asked later what survived.
	bare, unsettled bool

	mu      sync.Mutex
	buffer  batch
	keep    []bool // by record: the model's policy is KeepWrite
	base    int
	flushed int // records below it are in the audit table
	points  []savepoint
	outside []audit.Record // events to write when the transaction is over
	// lost is set when the server ended the transaction; autocommit when it now
	// commits each statement by itself.
	lost, autocommit bool
	// poison is why the transaction must not commit.
	poison error
	// suspect is set when an error may have gone by unseen.
	suspect bool
	// ddl is set when definitions changed, fresh when the connection's role, path
	// or database may have: what others know of the tables does not hold here.
	ddl, fresh atomic.Bool
	// writeLocked is set once a SQLite transaction holds the write lock.
	writeLocked bool
	done        bool
}

func newState(ctx context.Context, p *Plugin, conn gorm.Tx) *state {
	s := &state{}
	s.start(ctx, p, conn)
	return s
}

func (s *state) start(ctx context.Context, p *Plugin, conn gorm.Tx) {
	if len(p.transactional) > 0 && len(p.others) > 0 {
		ctx = entry.ShareEncodings(ctx)
	}
	s.p, s.id, s.ctx, s.conn = p, newID(), ctx, conn
}

func newID() string { return entry.NewID() }

// add takes the records of one statement, all of one model.
func (s *state) add(ctx context.Context, records []audit.Record, keep bool) error {
	if len(records) == 0 {
		return nil
	}
	return s.addBatch(ctx, s.p.batchOf(records), keep)
}

func (s *state) addBatch(ctx context.Context, b batch, keep bool) error {
	if b.len() == 0 {
		return nil
	}
	s.mu.Lock()
	for range b.len() {
		s.keep = append(s.keep, keep)
	}
	s.buffer.append(b)
	s.p.stats.records.Add(uint64(b.len()))
	var err error
	if s.bare || s.autocommit || s.base+s.buffer.len()-s.flushed >= s.p.cfg.bufferLimit {
		err = s.flush(ctx)
	}
	var announce []audit.Record
	if s.bare && !s.unsettled || s.autocommit {
		announce = s.take()
	}
	s.mu.Unlock()
	s.p.announce(ctx, announce)
	return err
}

// take empties the buffer, and returns the records that others want to be told of.
// The caller holds mu.
func (s *state) take() []audit.Record {
	taken := s.buffer.records
	s.base += s.buffer.len()
	s.flushed = s.base
	s.buffer, s.keep = batch{}, nil
	return taken
}

// later keeps an event that must survive the transaction's rollback.
func (s *state) later(ctx context.Context, r audit.Record) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.done {
		go s.p.emitOutside(ctx, []audit.Record{r})
		return
	}
	s.outside = append(s.outside, r)
}

// flush writes the records that are not in the audit table yet. The caller holds mu.
func (s *state) flush(ctx context.Context) error {
	from := s.flushed - s.base
	if len(s.p.transactional) == 0 || from >= s.buffer.len() {
		return nil
	}
	pending := s.buffer.from(from)
	lenient := true
	for _, k := range s.keep[from:] {
		lenient = lenient && k
	}
	err := s.emit(ctx, pending, lenient)
	if err != nil && !lenient {
		if isTransactionError(s.p.server.Dialect, err) {
			// A deadlock or a serialization failure: applications repeat those, and
			// know them by the driver's own error.
			return innermost(err)
		}
		first := pending.first()
		return &quietError{
			text:  fmt.Sprintf("%v: %s %s: the audit table refused it (%d records of transaction %s)", ErrAuditFailed, first.RecordType, first.Action, pending.len(), s.id),
			kinds: []error{ErrAuditFailed, err},
		}
	}
	s.flushed = s.base + s.buffer.len()
	if err != nil {
		s.p.lost(ctx, s, pending.first(), pending.len(), err)
	}
	// Nobody else will ask for them, unless a savepoint may need them again.
	if len(s.p.others) == 0 && len(s.points) == 0 {
		s.base = s.flushed
		s.buffer.truncate(0)
		s.keep = s.keep[:0]
	}
	return nil
}

// emit calls the transactional emitters. A lenient failure must leave the
// transaction usable, which on PostgreSQL takes a savepoint.
func (s *state) emit(ctx context.Context, pending batch, lenient bool) error {
	if lenient && !s.autocommit {
		if _, err := s.conn.ExecContext(ctx, "SAVEPOINT auditplugin_flush"); err != nil {
			return err
		}
	}
	var err error
	for n := range s.p.transactional {
		if err = s.p.emitTx(ctx, n, s.conn, pending); err != nil {
			break
		}
	}
	if lenient && !s.autocommit {
		if err != nil {
			if _, rerr := s.conn.ExecContext(ctx, "ROLLBACK TO SAVEPOINT auditplugin_flush"); rerr != nil {
				return err
			}
		}
		if _, rerr := s.conn.ExecContext(ctx, "RELEASE SAVEPOINT auditplugin_flush"); rerr != nil && err == nil {
			err = rerr
		}
	}
	return err
}

// before looks at a statement of the application that is about to run.
func (s *state) before(ctx context.Context, query string) ([]sqltext.Statement, error) {
	if !s.p.noteworthy(query) {
		return nil, nil
	}
	acts := sqltext.Parse(s.p.server.Dialect, query)
	flush := s.p.mentionsAuditTable(query)
	s.mu.Lock()
	defer s.mu.Unlock()
	if changesSession(acts, query) {
		s.fresh.Store(true)
	}
	for _, a := range acts {
		flush = flush || a.ImplicitCommit
		s.suspect = s.suspect || a.Kind == sqltext.Select && mayLock(query)
	}
	if !flush || s.done {
		return acts, nil
	}
	return acts, s.flush(ctx)
}

// after follows what a statement of the application did to the transaction.
func (s *state) after(ctx context.Context, acts []sqltext.Statement, err error) {
	if err != nil {
		s.failed(err)
		// MySQL commits before it runs such a statement, and so also when the
		// statement then fails, unless it does not even parse.
		acts = slices.DeleteFunc(acts, func(a sqltext.Statement) bool {
			return !a.ImplicitCommit || mysqlErrorNumber(err) == mysqlParseError
		})
	}
	if len(acts) == 0 {
		return
	}
	s.mu.Lock()
	var announce []audit.Record
	for _, a := range acts {
		switch {
		case a.ImplicitCommit:
			s.points = nil
			s.autocommit = true
			s.p.catalog.Clear()
			announce = append(announce, s.take()...)
		case a.Kind == sqltext.Savepoint:
			s.setPoint(a)
		case a.Kind == sqltext.RollbackTo:
			s.rollbackTo(a)
		case a.Kind == sqltext.Release:
			s.release(a)
		case a.Kind == sqltext.DDL:
			s.ddl.Store(true)
			s.p.catalog.Clear()
		}
	}
	s.mu.Unlock()
	s.p.announce(ctx, announce)
}

// failed notices errors after which the transaction is no longer what it was.
func (s *state) failed(err error) {
	if err == nil || s.ctx.Err() != nil {
		return
	}
	if isStale(s.p.server.Dialect, err) {
		s.p.catalog.Clear()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.done || s.bare {
		return
	}
	switch s.p.server.Dialect {
	case "mysql":
		if mysqlErrorNumber(err) == mysqlDeadlock {
			s.drop()
		}
	case "sqlite":
		// SQLite may have rolled back by itself; a BEGIN succeeds only then.
		if _, berr := s.conn.ExecContext(s.ctx, "BEGIN"); berr == nil {
			_, _ = s.conn.ExecContext(s.ctx, "ROLLBACK")
			s.drop()
		}
	}
}

// drop forgets the records of changes that are gone. The caller holds mu.
func (s *state) drop() {
	s.lost, s.autocommit = true, true
	s.take()
	s.points = nil
}

// uncertain reports whether what others know of the tables may not hold here.
func (s *state) uncertain() bool {
	return s.fresh.Load() || s.ddl.Load()
}

// ended reports whether the transaction was committed or rolled back.
func (s *state) ended() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.done
}

// locked reports whether the transaction is a SQLite writer already; took says it is.
func (s *state) locked() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.writeLocked
}

func (s *state) took() {
	s.mu.Lock()
	s.writeLocked = true
	s.mu.Unlock()
}

func (s *state) poisonWith(err error) {
	s.mu.Lock()
	if s.poison == nil {
		s.poison = err
	}
	s.mu.Unlock()
}

// commitBlocker returns why the transaction must not commit. The caller holds mu.
func (s *state) commitBlocker() error {
	if !s.lost && s.suspect && !s.autocommit && s.p.server.MariaDB && s.buffer.len() > 0 {
		// An error while rows were read goes by unseen; ask before the records of
		// a transaction that is gone are committed by themselves.
		if in, err := queryInt(s.ctx, s.conn, "SELECT @@in_transaction"); err == nil && in == 0 {
			s.drop()
		}
	}
	if s.lost {
		if s.p.server.Dialect == "sqlite" {
			if err := s.conn.Commit(); err != nil {
				return err
			}
		}
		return fmt.Errorf("%w: changes made before the error were rolled back by the server", ErrTransactionLost)
	}
	return s.poison
}

// end closes the books. It returns what to do once mu is free.
func (s *state) end(committed bool) func() {
	if s.done {
		return func() {}
	}
	s.done = true
	if s.ddl.Load() {
		s.p.catalog.Clear()
	}
	var announce []audit.Record
	if committed {
		announce = s.buffer.records
	}
	outside := s.outside
	s.buffer, s.keep, s.points, s.outside = batch{}, nil, nil, nil
	return func() {
		s.p.announce(s.ctx, announce)
		s.p.emitOutside(s.ctx, outside)
	}
}
