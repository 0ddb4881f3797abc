package emitter

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/internal/fault"
)

// AsyncEmitter queues records for another emitter; see [Async].
type AsyncEmitter struct {
	child   audit.Emitter
	options asyncOptions
	err     error

	start   sync.Once
	queue   chan batch
	closing chan struct{}
	drained chan struct{}
	abandon atomic.Bool

	mu      sync.Mutex
	closed  bool
	senders sync.WaitGroup
	targets []audit.Emitter

	queued, emitted, dropped, failed atomic.Uint64
}

type batch struct {
	ctx     context.Context // carries the values of the Emit that queued it
	target  audit.Emitter
	records []audit.Record
}

// AsyncStats counts the records that an AsyncEmitter was given. Every record is
// in exactly one of the four.
type AsyncStats struct {
	// Queued records wait, or are with the emitter right now.
	Queued uint64
	// Emitted records were taken by the emitter without an error.
	Emitted uint64
	// Dropped records were never given to the emitter: the queue was full, the
	// context of a waiting Emit ended, or Close ran out of time.
	Dropped uint64
	// Failed records are those for which the emitter returned an error or
	// panicked.
	Failed uint64
}

// Async returns an emitter that queues copies of the records and hands them to e
// from another goroutine, so that a slow e does not slow down writes. By default
// the queue holds 1024 batches, one worker keeps their order, and a full queue
// makes Emit wait ([Block]). The plugin's Close drains it.
//
// The records in the queue are lost if the process dies. e must not be
// transactional, since its records would leave their transaction: binding
// Async(Table()) is [ErrTransactional], binding Async(Table(On(db))) is fine.
//
// Emit reports only that records were not queued; errors and panics of e go to
// the function given with [OnError], and are counted.
func Async(e audit.Emitter, opts ...AsyncOption) *AsyncEmitter {
	a := &AsyncEmitter{child: e, options: asyncOptions{queue: 1024, workers: 1}}
	for _, opt := range opts {
		opt(&a.options)
	}
	a.err = a.options.check()
	if a.err == nil && e == nil {
		a.err = ErrNilEmitter
	}
	a.queue = make(chan batch, max(a.options.queue, 0))
	a.closing = make(chan struct{})
	a.drained = make(chan struct{})
	return a
}

// Bind binds the wrapped emitter to db. The result shares a's queue, workers,
// counters and Close.
func (a *AsyncEmitter) Bind(db *gorm.DB) (audit.Emitter, error) {
	if a.err != nil {
		return nil, a.err
	}
	if writesHere(a.child) {
		// Refused before a table is made for it.
		return nil, fmt.Errorf("%w: %T", ErrTransactional, a.child)
	}
	target, err := bind(a.child, db)
	if err != nil {
		return nil, err
	}
	if transactional(target) {
		return nil, fmt.Errorf("%w: %T", ErrTransactional, a.child)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.targets = append(a.targets, target)
	return &boundAsync{AsyncEmitter: a, target: target}, nil
}

// writesHere reports whether e, not bound yet, is or holds a table in the audited
// database.
func writesHere(e audit.Emitter) bool {
	switch e := e.(type) {
	case *TableEmitter:
		return e != nil && e.other == nil && e.err == nil
	case *MultiEmitter:
		return e != nil && slices.ContainsFunc(e.children, writesHere)
	}
	return false
}

func transactional(e audit.Emitter) bool {
	if m, ok := e.(*MultiEmitter); ok {
		for _, child := range m.Unwrap() {
			if transactional(child) {
				return true
			}
		}
		return false
	}
	_, ok := e.(audit.TxEmitter)
	return ok
}

// boundAsync is an AsyncEmitter whose records go to the emitter bound to one
// database.
type boundAsync struct {
	*AsyncEmitter
	target audit.Emitter
}

func (b *boundAsync) Emit(ctx context.Context, records []audit.Record) error {
	return b.enqueue(ctx, b.target, records)
}

// Bind returns b: it is bound already.
func (b *boundAsync) Bind(*gorm.DB) (audit.Emitter, error) { return b, nil }

// Emit queues a copy of records. It returns [ErrClosed] after Close,
// [ErrQueueFull] if the queue is full and the policy is [Drop], and ctx's error
// if ctx ends while it waits for room. An empty slice is not queued.
func (a *AsyncEmitter) Emit(ctx context.Context, records []audit.Record) error {
	return a.enqueue(ctx, a.child, records)
}

func (a *AsyncEmitter) enqueue(ctx context.Context, target audit.Emitter, records []audit.Record) error {
	if a.err != nil {
		return a.err
	}
	n := uint64(len(records))
	if n == 0 {
		return nil
	}
	a.mu.Lock()
	if a.closed {
		a.mu.Unlock()
		a.dropped.Add(n)
		return ErrClosed
	}
	a.senders.Add(1) // under the lock, so that Close cannot be waiting already
	a.mu.Unlock()
	defer a.senders.Done()
	a.start.Do(a.run)

	b := batch{context.WithoutCancel(ctx), target, cloneRecords(records)}
	a.queued.Add(n)
	select {
	case a.queue <- b:
		return nil
	default:
	}
	err := ErrQueueFull
	if a.options.full == Block {
		select {
		case a.queue <- b:
			return nil
		case <-ctx.Done():
			err = ctx.Err()
		case <-a.closing:
			err = ErrClosed
		}
	}
	a.queued.Add(-n)
	a.dropped.Add(n)
	return err
}

// run starts the workers, on the first Emit: an emitter that is never used
// leaves no goroutine behind.
func (a *AsyncEmitter) run() {
	var workers sync.WaitGroup
	for range a.options.workers {
		workers.Go(func() {
			for b := range a.queue {
				a.deliver(b)
			}
		})
	}
	go func() {
		workers.Wait()
		close(a.drained)
	}()
}

func (a *AsyncEmitter) deliver(b batch) {
	n := uint64(len(b.records))
	defer a.queued.Add(-n)
	if a.abandon.Load() {
		a.dropped.Add(n)
		return
	}
	err := fault.Guard(func() error { return b.target.Emit(b.ctx, b.records) })
	if err == nil {
		a.emitted.Add(n)
		return
	}
	a.failed.Add(n)
	if a.options.onError != nil {
		// A panic in the handler must not end the worker; there is nobody left
		// to tell.
		_ = fault.Guard(func() error {
			a.options.onError(b.ctx, b.records, err)
			return nil
		})
	}
}

// Close stops taking records, waits until the queued ones are emitted, and
// closes the wrapped emitter. If ctx ends first, Close returns its error and the
// records still queued are dropped, and counted. It may be called more than once.
func (a *AsyncEmitter) Close(ctx context.Context) error {
	if a.err != nil {
		return nil
	}
	a.mu.Lock()
	first := !a.closed
	a.closed = true
	if first {
		close(a.closing)
	}
	targets := a.targets
	a.mu.Unlock()
	if first {
		a.senders.Wait()
		a.start.Do(a.run) // so that drained is closed even if nothing was queued
		close(a.queue)
	}
	select {
	case <-a.drained:
	default:
		select {
		case <-a.drained:
		case <-ctx.Done():
			a.abandon.Store(true)
			return fmt.Errorf("auditplugin: emitter queue not drained: %w", ctx.Err())
		}
	}
	if !first {
		return nil
	}
	if len(targets) == 0 {
		targets = []audit.Emitter{a.child}
	}
	return (&MultiEmitter{children: targets}).Close(ctx)
}

// Dropped returns how many records were never given to the emitter.
func (a *AsyncEmitter) Dropped() uint64 { return a.dropped.Load() }

// Stats returns the counters as they are now.
func (a *AsyncEmitter) Stats() AsyncStats {
	return AsyncStats{
		Queued:  a.queued.Load(),
		Emitted: a.emitted.Load(),
		Dropped: a.dropped.Load(),
		Failed:  a.failed.Load(),
	}
}
