package relay

import (
	"context"
	"iter"
	"math/rand/v2"
	"time"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/audit"
)

// FollowNow makes [Follow] begin with what commits from now on.
const FollowNow int64 = -1

// followed is how many records [Follow] reads at a time.
const followed = 256

// Follow returns an iterator over the records of the audit table as they commit, for
// looking on: a terminal, a page that updates itself. It begins behind the record
// with the given seq (0 is the beginning of the table), or, with [FollowNow], with
// what commits from now on, and ends with ctx.
//
//	for r, err := range relay.Follow(ctx, db, relay.FollowNow) { … }
//
// Like a subscriber it skips nothing, also not what commits behind larger sequence
// numbers, and gives each record once, in order per row. Unlike one it keeps its
// position in memory, has no tables, and needs SELECT on the audit table only; of opts,
// [AuditTable], [PollEvery], [ForgetGapsAfter], [SettleAfter] and [WithWaker] count.
// On MySQL and MariaDB without the PROCESS right, it looks for late records as
// ForgetGapsAfter says.
//
// An error comes with a zero record, or, where one record cannot be read, with its seq.
// Going on with the loop tries again after a pause that grows up to 10 s; it ends only
// if it could not begin. Nothing is read while the loop's body runs.
func Follow(ctx context.Context, db *gorm.DB, seq int64, opts ...Option) iter.Seq2[audit.Record, error] {
	return func(yield func(audit.Record, error) bool) {
		c, err := newConfig(opts)
		if err != nil {
			yield(audit.Record{}, err)
			return
		}
		s, err := openReading(db, c)
		if err != nil {
			yield(audit.Record{}, err)
			return
		}
		f := follower{store: s, settler: newSettler(s, c), poll: c.poll, bell: newBell(), position: position{high: max(0, seq)}}
		if seq < 0 {
			if f.position, err = s.now(ctx); err != nil {
				yield(audit.Record{}, err)
				return
			}
		}
		if len(c.wakers) > 0 {
			var stop context.CancelFunc
			ctx, stop = context.WithCancel(ctx)
			defer stop()
			r := &Relay{config: c, bell: f.bell}
			for _, w := range c.wakers {
				go r.wait(ctx, w)
			}
		}
		f.run(ctx, yield)
	}
}

// follower is a subscriber without a place in the database.
type follower struct {
	store    *store
	settler  *settler
	poll     time.Duration
	bell     *bell
	position position
}

func (f *follower) run(ctx context.Context, yield func(audit.Record, error) bool) {
	for pause := 100 * time.Millisecond; ctx.Err() == nil; {
		ring := f.bell.next()
		b, err := f.store.read(ctx, f.position, followed)
		if err != nil {
			if ctx.Err() != nil || !yield(audit.Record{}, err) {
				return
			}
			sleep(ctx, pause/2+rand.N(pause))
			pause = min(2*pause, 10*time.Second)
			continue
		}
		pause = 100 * time.Millisecond
		f.position.see(b.seqs())
		f.settler.read(&f.position, b)
		for _, g := range groups(b.records, b.unreadable) {
			for _, r := range g.records {
				if !yield(r, b.unreadable[r.Seq]) {
					return
				}
				f.position.deliver(r.Seq)
			}
		}
		// Where transactions cannot be listed now, gaps stay a little longer.
		_, _ = f.settler.step(ctx, f.position)
		if b.full {
			continue
		}
		f.wait(ctx, ring)
	}
}

// wait ends when there may be something to read.
func (f *follower) wait(ctx context.Context, ring <-chan struct{}) {
	poll := f.poll
	if w := f.settler.watch; w != nil && w.over {
		poll = 0 // the read that settles the gaps
	} else if len(f.position.gaps) > 0 {
		poll = min(poll, 2*f.settler.every)
	}
	timer := time.NewTimer(poll)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-ring:
	case <-timer.C:
	}
}
