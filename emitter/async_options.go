package emitter

import (
	"context"
	"fmt"

	"github.com/gorm-audit/auditplugin/audit"
)

// AsyncOption changes how [Async] queues records.
type AsyncOption func(*asyncOptions)

type asyncOptions struct {
	queue   int
	workers int
	full    FullPolicy
	onError func(ctx context.Context, records []audit.Record, err error)
}

// FullPolicy is what [Async] does with records when its queue is full.
type FullPolicy int

const (
	// Block makes Emit, and so the Commit that called it, wait for room. It is
	// the default.
	Block FullPolicy = iota
	// Drop throws the records away, counts them, and makes Emit return
	// [ErrQueueFull], which the plugin reports to its error handler.
	Drop
)

// Queue sets how many batches, one per transaction, the queue holds; the default
// is 1024, the least is 1.
func Queue(batches int) AsyncOption {
	return func(o *asyncOptions) { o.queue = batches }
}

// Workers sets how many batches are emitted at the same time; the default is 1,
// which keeps their order.
func Workers(n int) AsyncOption {
	return func(o *asyncOptions) { o.workers = n }
}

// OnFull sets what happens when the queue is full; the default is [Block].
func OnFull(p FullPolicy) AsyncOption {
	return func(o *asyncOptions) { o.full = p }
}

// OnError sets a function that is told about each batch which the emitter
// returned an error for, or panicked on. It is called from the workers and may
// keep the records, for example to store them elsewhere.
func OnError(f func(ctx context.Context, records []audit.Record, err error)) AsyncOption {
	return func(o *asyncOptions) { o.onError = f }
}

func (o *asyncOptions) check() error {
	switch {
	case o.queue < 1:
		return fmt.Errorf("%w: Queue(%d)", ErrInvalidOption, o.queue)
	case o.workers < 1:
		return fmt.Errorf("%w: Workers(%d)", ErrInvalidOption, o.workers)
	case o.full != Block && o.full != Drop:
		return fmt.Errorf("%w: OnFull(%d)", ErrInvalidOption, o.full)
	}
	return nil
}
