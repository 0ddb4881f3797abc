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

// followed is how many records a [Follower] reads at a time.
const followed = 256

// Follower looks on at the audit table: a subscriber whose position is in memory, for
// a terminal or a page that updates itself. It is for one goroutine.
type Follower struct {
	config   config
	store    *store
	settler  *settler
	bell     *bell
	position position
}

// Follow begins behind the record with the given seq (0 is the beginning of the table)
// or, with [FollowNow], with what commits from now on:
//
//	f, err := relay.Follow(ctx, db, relay.FollowNow)
//	for r, err := range f.Records(ctx) { … }
//
// Like a subscriber a follower skips nothing, also not what commits behind larger
// sequence numbers, and gives each record once, in order per row. It has no tables and
// needs SELECT on the audit table only; of opts, [AuditTable], [PollEvery],
// [ForgetGapsAfter], [SettleAfter] and [WithWaker] count. It fails as [New] does.
func Follow(ctx context.Context, db *gorm.DB, seq int64, opts ...Option) (*Follower, error) {
	c, err := newConfig(db, opts)
	if err != nil {
		return nil, err
	}
	s, err := openReading(db, c)
	if err != nil {
		return nil, err
	}
	f := &Follower{config: c, store: s, settler: newSettler(s, c), bell: newBell(), position: position{high: max(0, seq)}}
	if seq < 0 {
		f.position, err = s.now(ctx)
	}
	return f, err
}

// Seq is the largest sequence number that has been seen: at first where following
// begins. What has a smaller one and commits later comes all the same.
func (f *Follower) Seq() int64 { return f.position.high }

// Records returns an iterator over the records, as they commit, until ctx ends. It
// can be asked again, and goes on where it was.
//
// An error comes with a zero record, or, where one record cannot be read, with its seq.
// Going on with the loop tries again after a pause that grows up to 10 s. Nothing is
// read while the loop's body runs.
func (f *Follower) Records(ctx context.Context) iter.Seq2[audit.Record, error] {
	return func(yield func(audit.Record, error) bool) {
		ctx, stop := context.WithCancel(ctx)
		defer stop()
		r := &Relay{config: f.config, bell: f.bell}
		for _, w := range f.config.wakers {
			go r.wait(ctx, w)
		}
		f.run(ctx, yield)
	}
}

func (f *Follower) run(ctx context.Context, yield func(audit.Record, error) bool) {
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
func (f *Follower) wait(ctx context.Context, ring <-chan struct{}) {
	poll := f.config.poll
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
