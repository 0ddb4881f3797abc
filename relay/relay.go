package relay

import (
	"context"
	"fmt"
	"sync"
	"time"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/emitter"
	"github.com/gorm-audit/auditplugin/internal/lease"
)

// Relay delivers records to subscribers. It is safe for concurrent use.
type Relay struct {
	config config
	gorm   *gorm.DB
	store  *store
	leases *lease.Store
	bell   *bell

	mu      sync.Mutex
	workers []*worker
	started bool
}

// New makes a relay for the audit table in db, and creates its own tables if they
// are missing (see [NoCreate]). It uses the pool behind db, past GORM: what it does
// is neither audited nor seen by other plugins. db must not be inside a transaction.
//
// It fails with [ErrTableMissing] if the audit table does not exist, with
// [ErrUnknownDialect], and with [ErrUnsupported] for a database in which the order of
// records cannot be trusted: a PostgreSQL sequence with a cache, or MySQL sessions
// that do not commit by themselves.
func New(db *gorm.DB, opts ...Option) (*Relay, error) {
	c, err := newConfig(db, opts)
	if err != nil {
		return nil, err
	}
	s, err := openStore(db, c)
	if err != nil {
		return nil, err
	}
	c.holder = lease.NewHolder()
	return &Relay{
		config: c, gorm: db, store: s, bell: newBell(),
		leases: lease.New(s.db, s.dialect, s.tables.leases, c.lease),
	}, nil
}

// Subscribe adds a subscriber, before Run. Its name, at most 100 bytes, stands for
// its position in the database, for all processes and for good: a known name goes on
// where it was. A new one begins with the first record of the table, or as [FromNow]
// or [FromSeq] say, and what commits after Subscribe returned is certain to come.
//
// The sink is called by one goroutine at a time, with one transaction's records. An
// emitter that must be bound to a database (emitter.Binder) is bound to the relay's.
// Two are refused: one that writes into the database that is read, as it would feed
// itself, and emitter.Async, which accepts records before they are delivered. A table
// in another database (emitter.On) is not fit either: it refuses records that it has
// already, and a record may come twice.
func (r *Relay) Subscribe(name string, sink audit.Emitter, opts ...SubscribeOption) error {
	if name == "" || len(name) > 100 {
		return invalid("subscriber name %q", name)
	}
	if sink == nil {
		return invalid("subscriber %q has no sink", name)
	}
	if _, ok := sink.(*emitter.AsyncEmitter); ok {
		return invalid("subscriber %q has a sink that accepts records before they are delivered", name)
	}
	sub, err := newSubscription(opts)
	if err != nil {
		return fmt.Errorf("auditplugin: relay: subscriber %q: %w", name, err)
	}
	if b, ok := sink.(emitter.Binder); ok {
		if sink, err = b.Bind(r.gorm); err != nil {
			return fmt.Errorf("auditplugin: relay: subscriber %q: %w", name, err)
		}
	}
	if _, ok := sink.(audit.TxEmitter); ok {
		return invalid("subscriber %q would write into the database that it reads", name)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.started {
		return fmt.Errorf("%w: subscriber %q comes too late", ErrRunning, name)
	}
	for _, w := range r.workers {
		if w.name == name {
			return invalid("two subscribers are called %q", name)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := r.store.add(ctx, name, sub.start); err != nil {
		return err
	}
	r.workers = append(r.workers, newWorker(r, name, sink, sub))
	return nil
}

// Run delivers records until ctx ends. Then it waits for the sinks' calls that are
// under way (see [StopWithin]), saves the positions, gives the leases back and
// returns nil. Troubles with the database or the sinks are logged, and tried again;
// they do not end it. A relay runs once: a second call fails with [ErrRunning].
func (r *Relay) Run(ctx context.Context) error {
	r.mu.Lock()
	if r.started {
		r.mu.Unlock()
		return ErrRunning
	}
	if len(r.workers) == 0 {
		r.mu.Unlock()
		return fmt.Errorf("%w: nothing to run", ErrNoSubscriber)
	}
	r.started = true
	workers := r.workers
	r.mu.Unlock()

	var wg sync.WaitGroup
	for _, w := range r.config.wakers {
		wg.Go(func() { r.wait(ctx, w) })
	}
	for _, w := range workers {
		wg.Go(func() { w.run(ctx) })
	}
	wg.Wait()
	return nil
}

// wait runs a waker, again if it fails.
func (r *Relay) wait(ctx context.Context, w Waker) {
	for pause := 100 * time.Millisecond; ctx.Err() == nil; pause = min(2*pause, 10*time.Second) {
		begun := time.Now()
		err := w.Wait(ctx, r.bell.ring)
		if ctx.Err() != nil {
			return
		}
		if time.Since(begun) > time.Minute {
			pause = 100 * time.Millisecond
		}
		r.config.logger.WarnContext(ctx, "relay: the waker stopped, polling goes on", "waker", fmt.Sprintf("%T", w), "error", err, "again_in", pause)
		sleep(ctx, pause)
	}
}

// sleep returns whether it slept to the end.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
