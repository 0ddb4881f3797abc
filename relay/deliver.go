package relay

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/internal/fault"
)

// errStopped says that delivering was broken off.
var errStopped = errors.New("auditplugin: the relay was stopped")

// deliver hands a read to the sink, transaction by transaction, and saves the
// position now and then. It returns nil when it was stopped by ctx.
func (s *session) deliver(ctx, held context.Context, b batch) error {
	var err error
	for _, g := range s.groups(b) {
		if ctx.Err() != nil || held.Err() != nil {
			err = errStopped
			break
		}
		if err = s.group(ctx, held, g, b.unreadable); err != nil {
			break
		}
		if err := s.saveInTime(held); err != nil {
			return err
		}
	}
	if err == nil {
		err = s.saveInTime(held)
	}
	if errors.Is(err, errStopped) && (ctx.Err() != nil || held.Err() != nil) {
		return nil
	}
	return err
}

// groups sorts a read into calls of the sink.
func (s *session) groups(b batch) []group {
	if s.sub.whole && len(b.unreadable) == 0 && len(b.records) > 0 {
		return []group{{records: b.records}}
	}
	return groups(b.records, b.unreadable)
}

// group delivers one group, whatever it takes.
func (s *session) group(ctx, held context.Context, g group, unreadable map[int64]error) error {
	if err := unreadable[g.records[0].Seq]; err != nil {
		return s.bury(held, g.records[0], err, 0)
	}
	wanted := g.records
	if s.sub.filter != nil {
		wanted = nil
		for i := range g.records {
			if s.sub.filter(&g.records[i]) {
				wanted = append(wanted, g.records[i])
			} else {
				s.done(g.records[i])
			}
		}
	}
	if len(wanted) == 0 {
		return nil
	}
	attempts, err := s.try(ctx, held, wanted)
	switch {
	case err == nil:
		s.delivered += int64(len(wanted))
		s.done(wanted...)
		return nil
	case errors.Is(err, errStopped):
		return err
	case len(wanted) == 1:
		return s.bury(held, wanted[0], err, attempts)
	}
	// One record may spoil the whole: only that one should die.
	for i := range wanted {
		more, err := s.try(ctx, held, wanted[i:i+1])
		switch {
		case err == nil:
			s.delivered++
			s.done(wanted[i])
		case errors.Is(err, errStopped):
			return err
		default:
			if err := s.bury(held, wanted[i], err, attempts+more); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *session) done(records ...audit.Record) {
	for i := range records {
		s.position.deliver(records[i].Seq)
	}
	s.dirty = true
}

// bury makes a dead letter of a record, and saves both at once.
func (s *session) bury(held context.Context, r audit.Record, cause error, attempts int) error {
	s.done(r)
	l := newLetter(r, cause, attempts)
	s.log.ErrorContext(held, "relay: a record was not delivered and is a dead letter now", "seq", r.Seq, "id", r.ID, "attempts", attempts, "error", cause)
	return s.save(held, progress{dead: []letter{l}, err: l.err})
}

// try calls the sink until it accepts the records, gives up on them, or is stopped.
// It returns the last error and how many calls there were.
func (s *session) try(ctx, held context.Context, records []audit.Record) (attempts int, err error) {
	pause := s.sub.base
	for {
		attempts++
		err = s.emit(held, records)
		if err == nil {
			return attempts, nil
		}
		if held.Err() != nil {
			return attempts, errStopped
		}
		s.failed++
		if IsPermanent(err) || attempts == s.sub.attempts {
			return attempts, err
		}
		wait := rand.N(pause) + time.Millisecond
		var after interface{ RetryAfter() time.Duration }
		if errors.As(err, &after) {
			wait = max(wait, min(after.RetryAfter(), s.sub.most))
		}
		s.log.WarnContext(ctx, "relay: the sink failed", "records", len(records), "seq", records[0].Seq, "attempt", attempts, "again_in", wait, "error", err)
		if err := s.save(held, progress{err: errorText(err)}); err != nil {
			return attempts, fmt.Errorf("%w: %w", errStopped, err) // not the sink's fault
		}
		if !s.pause(ctx, held, wait) {
			return attempts, errStopped
		}
		pause = min(2*pause, s.sub.most)
	}
}

func (s *session) pause(ctx, held context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-held.Done():
		return false
	case <-t.C:
		return true
	}
}

// emit calls the sink once. A sink that does not return after its context has ended
// is waited for, since a second call would break the order; but not when the lease
// is gone or the relay must stop.
func (s *session) emit(held context.Context, records []audit.Record) error {
	ctx, cancel := context.WithTimeout(held, s.sub.timeout)
	defer cancel()
	result := make(chan error, 1)
	// The sink may not keep the slice, but nothing stops it from trying.
	own := slices.Clone(records)
	go func() {
		result <- fault.GuardAs(ErrPanic, func() error { return s.sink.Emit(ctx, own) })
	}()
	select {
	case err := <-result:
		return err
	case <-held.Done():
	}
	// A moment for sinks that heed their context.
	select {
	case err := <-result:
		return err
	case <-time.After(time.Second):
		s.abandoned = result
		return held.Err()
	}
}

// replay delivers dead letters that were marked with Replay.
func (s *session) replay(ctx, held context.Context) error {
	const every, most = time.Second, 100
	if time.Since(s.replayed) < every {
		return nil
	}
	s.replayed = time.Now()
	letters, err := s.relay.store.letters(held, s.name, stateReplay, 0, most)
	if err != nil {
		return err
	}
	for _, l := range letters {
		if ctx.Err() != nil || held.Err() != nil {
			return nil
		}
		record := l.Record
		if record.SchemaVersion == 0 && record.Table == "" {
			record, err = s.relay.store.audited(held, l.Record.Seq)
		}
		if err == nil {
			err = s.emit(held, []audit.Record{record})
		}
		result := progress{delivered: 1, revived: []int64{l.ID}}
		if err != nil {
			if held.Err() != nil {
				return nil
			}
			result = progress{failed: 1, err: errorText(err), failedIDs: []letter{{id: l.ID, err: errorText(err)}}}
			s.log.WarnContext(ctx, "relay: a dead letter failed again", "id", l.ID, "error", err)
		}
		if err := s.save(held, result); err != nil {
			return err
		}
	}
	return nil
}
