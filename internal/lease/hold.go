package lease

import (
	"context"
	"errors"
	"sync"
	"time"
)

// Hold renews the lease until stop is called, and returns a context that ends when
// ctx does or when the lease is lost; [context.Cause] is then [ErrLost]. A lease
// that cannot be renewed counts as lost shortly before it lapses, by this process's
// clock. stop waits until no renewal is under way; it does not release the lease.
func (l *Lease) Hold(ctx context.Context) (held context.Context, stop func()) {
	held, cancel := context.WithCancelCause(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		l.renewUntil(held, cancel)
	}()
	var once sync.Once
	return held, func() {
		once.Do(func() { cancel(context.Canceled) })
		<-done
	}
}

func (l *Lease) renewUntil(ctx context.Context, lost context.CancelCauseFunc) {
	every := l.store.ttl / 3
	margin := l.store.ttl / 10
	deadline := time.NewTimer(time.Until(l.until) - margin)
	defer deadline.Stop()
	next := time.NewTimer(every)
	defer next.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-deadline.C:
			lost(ErrLost)
			return
		case <-next.C:
		}
		start := time.Now()
		// A database that does not answer must not keep us from noticing the deadline.
		try, cancel := context.WithDeadline(ctx, l.until.Add(-margin))
		err := l.Renew(try)
		cancel()
		switch {
		case errors.Is(err, ErrLost):
			lost(ErrLost)
			return
		case err != nil:
			next.Reset(every / 4)
		default:
			l.until = start.Add(l.store.ttl)
			deadline.Reset(time.Until(l.until) - margin)
			next.Reset(every)
		}
	}
}
