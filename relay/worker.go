package relay

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/internal/lease"
)

// worker serves one subscriber in this process.
type worker struct {
	relay *Relay
	name  string
	sink  audit.Emitter
	sub   subscription
	log   *slog.Logger
	// abandoned is a call of the sink that was not waited for, when the lease was lost.
	abandoned <-chan error
}

func newWorker(r *Relay, name string, sink audit.Emitter, sub subscription) *worker {
	return &worker{relay: r, name: name, sink: sink, sub: sub, log: r.config.logger.With("subscriber", name)}
}

// run takes the lease whenever it is free, and serves while it has it.
func (w *worker) run(ctx context.Context) {
	pause := w.relay.config.lease / 5
	for ctx.Err() == nil {
		if w.abandoned != nil { // the sink is called by one goroutine at a time
			select {
			case err := <-w.abandoned:
				w.log.DebugContext(ctx, "relay: a call of the sink that was given up has ended", "error", err)
				w.abandoned = nil
			case <-ctx.Done():
				return
			}
		}
		l, err := w.relay.leases.Acquire(ctx, w.name, w.relay.config.holder)
		if err != nil && ctx.Err() == nil {
			w.log.WarnContext(ctx, "relay: the lease cannot be asked for", "error", err)
		}
		if l != nil {
			err := w.hold(ctx, l)
			if err != nil && ctx.Err() == nil {
				w.log.WarnContext(ctx, "relay: interrupted, to be taken up again", "error", err)
				sleep(ctx, 100*time.Millisecond+rand.N(time.Second))
				continue
			}
		}
		// Processes that wait for the same lease should not ask at the same moment.
		sleep(ctx, pause/2+rand.N(pause))
	}
}

// hold serves for as long as the lease lasts, and for a while after ctx has ended.
func (w *worker) hold(ctx context.Context, l *lease.Lease) error {
	alive, kill := context.WithCancel(context.WithoutCancel(ctx))
	defer kill()
	stop := context.AfterFunc(ctx, func() {
		if sleep(alive, w.relay.config.stop) {
			kill()
		}
	})
	defer stop()
	held, letGo := l.Hold(alive)
	s := &session{worker: w, token: l.Token(), settler: newSettler(w.relay.store, w.relay.config)}
	err := s.serve(ctx, held)
	if lost := context.Cause(held); errors.Is(lost, lease.ErrLost) {
		err = lost
	}
	letGo()
	// Also after an error: another process may do better.
	give, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if e := l.Release(give); e != nil {
		w.log.WarnContext(ctx, "relay: the lease was not given back and must lapse", "error", e)
	}
	return err
}

// session is the time during which a worker has its lease.
type session struct {
	*worker
	token    int64
	settler  *settler
	position position
	// delivered and failed are not saved yet.
	delivered, failed int64
	dirty             bool
	saved             time.Time
	replayed          time.Time
}

// saveEvery bounds how much is delivered again after a crash. A save for each read
// would be one more durable commit for the database, and for the records to wait for.
const saveEvery = 100 * time.Millisecond

// breath is the least time from one read to the next when there is no more to read:
// under load, each commit wakes the relay, and a read for each would take from the
// writers what they need.
const breath = 5 * time.Millisecond

// serve delivers until ctx ends; held ends when delivering must end at once.
func (s *session) serve(ctx, held context.Context) (err error) {
	st := s.relay.store
	if s.position, s.settler.watch, err = st.take(held, s.name, s.token); err != nil {
		return err
	}
	s.log.DebugContext(ctx, "relay: serving", "seq", s.position.high)
	for ctx.Err() == nil && held.Err() == nil {
		ring := s.relay.bell.next()
		begun := time.Now()
		b, err := st.read(held, s.position, s.sub.batch)
		if err != nil {
			return errors.Join(err, s.flush(held))
		}
		s.position.see(b.seqs())
		if s.settler.read(&s.position, b) || len(b.records) > 0 {
			s.dirty = true
		}
		if err := s.deliver(ctx, held, b); err != nil {
			return err
		}
		if err := s.replay(ctx, held); err != nil {
			return err
		}
		if changed, err := s.settler.step(held, s.position); err != nil {
			// Gaps stay a little longer.
			s.log.WarnContext(ctx, "relay: transactions under way are not known", "error", err)
		} else if changed {
			s.dirty = true
		}
		if b.full {
			continue
		}
		poll := s.relay.config.poll
		if w := s.settler.watch; w != nil && w.over {
			poll = 0 // the read that settles the gaps
		} else if len(s.position.gaps) > 0 {
			poll = min(poll, 2*s.settler.every)
		}
		if s.dirty {
			poll = min(poll, max(0, saveEvery-time.Since(s.saved)))
		}
		timer := time.NewTimer(poll)
		select {
		case <-ctx.Done():
		case <-held.Done():
		case <-ring:
		case <-timer.C:
		}
		timer.Stop()
		s.pause(ctx, held, breath-time.Since(begun))
	}
	return s.flush(held)
}

// flush saves what has not been saved.
func (s *session) flush(ctx context.Context) error {
	if !s.dirty {
		return nil
	}
	return s.save(ctx, progress{})
}

// saveInTime saves what has not been saved for a while.
func (s *session) saveInTime(ctx context.Context) error {
	if !s.dirty || time.Since(s.saved) < saveEvery {
		return nil
	}
	return s.save(ctx, progress{})
}

// save writes the position and what comes with it.
func (s *session) save(ctx context.Context, with progress) error {
	with.name, with.token, with.position, with.watch = s.name, s.token, s.position, s.settler.watch
	with.delivered += s.delivered
	with.failed += s.failed
	// The answer to a save matters more than a context that has just ended.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	// A save that fails means that records are delivered again: a database that is
	// busy for a moment is no reason for that.
	var err error
	for try := range 8 {
		if err = s.relay.store.save(ctx, with); err == nil || errors.Is(err, ErrLeaseLost) {
			break
		}
		if !sleep(ctx, time.Duration(try+1)*20*time.Millisecond) {
			break
		}
	}
	if err != nil {
		return err
	}
	s.delivered, s.failed, s.dirty, s.saved = 0, 0, false, time.Now()
	return nil
}
