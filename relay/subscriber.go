package relay

import (
	"context"
	"fmt"
	"time"

	"github.com/gorm-audit/auditplugin/internal/dialect"
)

// Subscriber looks at one subscriber, and mends what is amiss. It works from any
// process, also one that does not run the relay, and is safe for concurrent use.
type Subscriber struct {
	relay *Relay
	name  string
}

// Subscriber returns a handle on the subscriber of that name, whether or not this
// process has subscribed it. Nothing is checked yet.
func (r *Relay) Subscriber(name string) *Subscriber { return &Subscriber{r, name} }

// Name returns the subscriber's name.
func (s *Subscriber) Name() string { return s.name }

// DeadLetters returns the subscriber's dead letters in the order in which they came
// about, at most limit, with ids above after (0 for the first).
func (s *Subscriber) DeadLetters(ctx context.Context, after int64, limit int) ([]DeadLetter, error) {
	if limit < 1 {
		return nil, invalid("DeadLetters with limit %d", limit)
	}
	return s.relay.store.letters(ctx, s.name, "", after, limit)
}

// Replay has the given dead letters delivered again, one by one, by the process that
// serves the subscriber, within about a second. What succeeds is gone from the list;
// what fails stays, with its new error. Replay returns how many it marked: letters
// that do not exist, or are marked already, are not counted. A replayed record comes
// after those that followed it.
func (s *Subscriber) Replay(ctx context.Context, ids ...int64) (int, error) {
	st := s.relay.store
	n, err := st.change(ctx, s.name, "UPDATE "+st.tables.dead.Quoted(st.dialect)+" SET state = ? WHERE state = ? AND subscriber = ? AND id = ?",
		[]any{stateReplay, stateDead}, ids)
	s.relay.bell.ring()
	return n, err
}

// Discard removes the given dead letters from the list, and returns how many there
// were. The records stay in the audit table.
func (s *Subscriber) Discard(ctx context.Context, ids ...int64) (int, error) {
	st := s.relay.store
	return st.change(ctx, s.name, "DELETE FROM "+st.tables.dead.Quoted(st.dialect)+" WHERE subscriber = ? AND id = ?", nil, ids)
}

// Rewind makes the subscriber go on from the given sequence number, forwards or
// backwards: 1 delivers the whole table again. It takes the lease for a moment, and
// so fails with [ErrRunning] while a process serves the subscriber; stop those first.
func (s *Subscriber) Rewind(ctx context.Context, seq int64) error {
	if seq < 1 {
		return invalid("Rewind(%d)", seq)
	}
	return s.alone(ctx, func(token int64) error {
		if _, _, err := s.relay.store.take(ctx, s.name, token); err != nil {
			return err
		}
		return s.relay.store.save(ctx, progress{name: s.name, token: token, position: position{high: seq - 1}})
	})
}

// Remove forgets the subscriber: its position and its dead letters. Like Rewind, it
// fails with [ErrRunning] while a process serves it.
func (s *Subscriber) Remove(ctx context.Context) error {
	return s.alone(ctx, func(int64) error {
		st := s.relay.store
		for table, column := range map[dialect.Table]string{st.tables.dead: "subscriber", st.tables.positions: "name"} {
			if _, err := st.exec(ctx, st.db, "DELETE FROM "+table.Quoted(st.dialect)+" WHERE "+column+" = ?", s.name); err != nil {
				return failed("removing "+subscriber(s.name), err)
			}
		}
		return nil
	})
}

// alone calls f while this process has the subscriber's lease.
func (s *Subscriber) alone(ctx context.Context, f func(token int64) error) error {
	l, err := s.relay.leases.Acquire(ctx, s.name, s.relay.config.holder+"/tool")
	if err != nil {
		return err
	}
	if l == nil {
		return fmt.Errorf("%w: subscriber %q is being served", ErrRunning, s.name)
	}
	defer func() {
		give, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		_ = l.Release(give) // it lapses by itself otherwise
	}()
	return f(l.Token())
}
