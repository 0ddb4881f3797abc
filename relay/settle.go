package relay

import (
	"context"
	"errors"
	"time"
)

// settler finds out which gaps will never be filled, since the transactions that
// could have are over. See docs/adr/0011-relay-positions.md.
//
// It works on one watch at a time: all gaps up to some number, the transactions that
// were under way after those gaps were seen, and what is left of them. When none is
// left, one more read finds all that there is in the gaps, and the rest is nothing.
type settler struct {
	store *store
	// least is how old a watch must be before transactions are listed.
	least time.Duration
	// blind is how long gaps are kept if transactions cannot be listed.
	blind time.Duration
	// every is the shortest time between two lists.
	every time.Duration
	watch *watch
	next  time.Time
}

type watch struct {
	upto   int64
	since  time.Time
	listed bool
	// kept says that the watch was saved, since nothing but its age counts.
	kept bool
	left map[string]bool
	over bool
}

func newSettler(s *store, c config) *settler {
	t := &settler{store: s, blind: c.gapAge, every: 250 * time.Millisecond}
	if s.facts().NumbersBeforeListing {
		t.least = c.settleMin
		t.every = 500 * time.Millisecond
	}
	return t
}

// read takes note of a read that was made at the position p and has been added to it
// with see. It drops the gaps that were settled when the read was made.
func (t *settler) read(p *position, b batch) (changed bool) {
	seqs := b.seqs()
	bound := p.high
	switch {
	case t.store.facts().OneWriter:
	case t.watch != nil && t.watch.over:
		bound = t.watch.upto
	default:
		return false
	}
	if b.full {
		bound = min(bound, seqs[len(seqs)-1])
	} else {
		t.watch = nil
	}
	before := len(p.gaps)
	p.forget(bound, seqs)
	return before != len(p.gaps)
}

// step looks at the transactions under way. Call it after a read. It reports whether
// the watch must be saved, so that its age outlives this process.
func (t *settler) step(ctx context.Context, p position) (changed bool, err error) {
	if t.store.facts().OneWriter || t.watch != nil && t.watch.over {
		return false, nil
	}
	if len(p.gaps) == 0 {
		t.watch = nil
		return false, nil
	}
	now := time.Now()
	if t.watch == nil {
		t.watch = &watch{upto: p.high, since: now}
	}
	w := t.watch
	if now.Before(t.next) || now.Sub(w.since) < t.least {
		return false, nil
	}
	t.next = now.Add(t.every)
	open, err := t.store.holders(ctx)
	switch {
	case errors.Is(err, errCannotList):
		w.over = now.Sub(w.since) >= t.blind
		changed, w.kept = !w.kept, true
		return changed, nil
	case err != nil:
		return false, err
	case !w.listed:
		w.left, w.listed = open, true
	default:
		for id := range w.left {
			if !open[id] {
				delete(w.left, id)
			}
		}
	}
	w.over = len(w.left) == 0
	return false, nil
}
