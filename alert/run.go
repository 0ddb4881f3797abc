package alert

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/gorm-audit/auditplugin/relay"
)

// Run sends what is in the outbox until ctx ends, and then waits for the messages
// that are being sent, at most as long as [WithStopTimeout] says. Each channel is
// served apart from the others. It returns nil; what goes wrong on the way is logged
// and tried again. Several processes may run an engine on one table: a message is
// sent by one of them. A second Run of one engine at the same time is [ErrRunning].
func (e *Engine) Run(ctx context.Context) error {
	if !e.running.CompareAndSwap(false, true) {
		return ErrRunning
	}
	defer e.running.Store(false)
	// What is being sent outlives ctx for a while.
	sending, stop := context.WithCancelCause(context.WithoutCancel(ctx))
	defer stop(nil)
	r := &runner{engine: e, wake: map[string]chan struct{}{}}
	r.dispatch(ctx, sending)

	done := make(chan struct{})
	go func() { r.workers.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(e.opts.stopTimeout):
		stop(errors.New("auditplugin: alert engine was stopped"))
		<-done
	}
	return nil
}

// Run subscribes the engine to r under the name "alerts", unless the options say
// otherwise, and runs both until ctx ends or one of them fails:
//
//	err := alert.Run(ctx, r, engine, relay.FromNow())
//
// Without relay.FromNow, the rules are applied to all records that the audit table
// has when the subscriber is new.
func Run(ctx context.Context, r *relay.Relay, e *Engine, opts ...relay.SubscribeOption) error {
	if err := r.Subscribe(SubscriberName, e, opts...); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	failed := make(chan error, 1)
	go func() {
		defer cancel()
		failed <- e.Run(ctx)
	}()
	err := r.Run(ctx)
	cancel()
	return errors.Join(err, <-failed)
}

// SubscriberName is the name under which [Run] subscribes an engine to a relay.
const SubscriberName = "alerts"

// runner is one Run.
type runner struct {
	engine  *Engine
	workers sync.WaitGroup
	wake    map[string]chan struct{}
}

// dispatch wakes the channels that have something to send, until ctx ends.
func (r *runner) dispatch(ctx, sending context.Context) {
	e := r.engine
	ticker := time.NewTicker(e.opts.poll)
	defer ticker.Stop()
	var cleaned time.Time
	for ctx.Err() == nil {
		if names, err := r.due(ctx); err != nil {
			if ctx.Err() == nil {
				e.log().WarnContext(ctx, "auditplugin: alerts: looking for due messages failed", "error", errorText(err))
			}
		} else {
			for _, name := range names {
				r.signal(ctx, sending, name)
			}
			if e.opts.keep > 0 && time.Since(cleaned) > time.Hour {
				cleaned = time.Now()
				if _, err := e.Prune(ctx, e.opts.keep); err != nil && ctx.Err() == nil {
					e.log().WarnContext(ctx, "auditplugin: alerts: removing old messages failed", "error", errorText(err))
				}
			}
		}
		select {
		case <-ctx.Done():
		case <-ticker.C:
		case <-e.woken:
		case <-e.changed:
		}
	}
}

func (r *runner) due(ctx context.Context) ([]string, error) {
	now, err := r.engine.store.now(ctx, r.engine.store.db)
	if err != nil {
		return nil, err
	}
	return r.engine.store.due(ctx, now)
}

// signal wakes the worker of a channel, starting it if need be. A channel that the
// configuration does not have is left alone.
func (r *runner) signal(ctx, sending context.Context, name string) {
	if r.engine.current.Load().channels[name] == nil {
		return
	}
	wake, ok := r.wake[name]
	if !ok {
		wake = make(chan struct{}, 1)
		r.wake[name] = wake
		r.workers.Add(1)
		go func() {
			defer r.workers.Done()
			r.serve(ctx, sending, name, wake)
		}()
	}
	signal(wake)
}

// serve sends the messages of one channel, one after the other.
func (r *runner) serve(ctx, sending context.Context, name string, wake <-chan struct{}) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-wake:
		}
		for ctx.Err() == nil {
			more, err := r.engine.sendNext(ctx, sending, name)
			if err != nil && ctx.Err() == nil {
				r.engine.log().WarnContext(ctx, "auditplugin: alerts: the outbox cannot be used", "channel", name, "error", errorText(err))
			}
			if err != nil || !more {
				break // until woken again
			}
		}
	}
}

// sendNext sends the next message of a channel, unless another process took it. It
// reports whether there was one.
func (e *Engine) sendNext(ctx, sending context.Context, name string) (bool, error) {
	channel := e.current.Load().channels[name]
	if channel == nil {
		return false, nil
	}
	// Somebody else may have the message when its lease ends: well after the
	// attempt.
	c, found, err := e.store.claim(ctx, name, 2*e.opts.sendTimeout+e.opts.stopTimeout)
	if err != nil || c == nil {
		if found {
			time.Sleep(time.Millisecond) // the other process is about to note it
		}
		return found, err
	}
	attempt, cancel := context.WithTimeout(sending, e.opts.sendTimeout)
	err = send(attempt, channel, c.message)
	cancel()
	// The result is kept even if it is time to stop.
	keep, cancel := context.WithTimeout(context.WithoutCancel(sending), 10*time.Second)
	defer cancel()
	if err != nil && sending.Err() != nil {
		return false, e.store.release(keep, c)
	}
	return true, e.settle(keep, c, err)
}

// settle records what came of an attempt.
func (e *Engine) settle(ctx context.Context, c *claimed, sendErr error) error {
	now, err := e.store.now(ctx, e.store.db)
	if err != nil {
		return err
	}
	if sendErr == nil {
		return e.store.finish(ctx, c, statusSent, now, now, "")
	}
	m := c.message
	text := errorText(sendErr)
	attrs := []any{"rule", m.Rule, "channel", m.Channel, "message", m.ID, "attempt", m.Attempt, "error", text}
	if m.Attempt >= e.opts.attempts || relay.IsPermanent(sendErr) {
		e.log().ErrorContext(ctx, "auditplugin: alert could not be sent; it is dead until replayed", attrs...)
		return e.store.finish(ctx, c, statusDead, now, now, text)
	}
	due := now.Add(pause(m.Attempt, e.opts.retryFirst, e.opts.retryMost))
	if m.Severity != Critical {
		due = afterQuiet(due, e.current.Load().settings.quietOn(m.Channel))
	}
	e.log().WarnContext(ctx, "auditplugin: alert could not be sent; it is tried again", append(attrs, "at", due)...)
	return e.store.finish(ctx, c, statusPending, now, due, text)
}
