package relay

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/emitter"
)

func TestDeliversEverythingInOrder(t *testing.T) {
	db := open(t)
	createAccounts(t, db, 30)
	r, s := newRelay(t, db), &sink{}
	subscribe(t, r, "a", s, Batch(7))
	stop := run(t, r)
	eventually(t, "the old records", func() bool { return len(s.seqs()) == 30 })
	createAccounts(t, db, 5)
	eventually(t, "the new records", func() bool { return len(s.seqs()) == 35 })
	stop()
	if !slices.Equal(s.seqs(), upTo(35)) {
		t.Fatalf("got %v", s.seqs())
	}

	// The next relay goes on where that one was.
	createAccounts(t, db, 1)
	r, s = newRelay(t, db), &sink{}
	subscribe(t, r, "a", s, FromSeq(1))
	run(t, r)
	eventually(t, "the last record", func() bool { return slices.Equal(s.seqs(), []int64{36}) })
	var stats []Stats
	eventually(t, "its position", func() bool { // which is written behind the call
		var err error
		stats, err = r.Stats(context.Background())
		return err == nil && len(stats) == 1 && stats[0].Delivered == 36 && stats[0].Seq == 36 && stats[0].Lag == 0
	})
	if stats[0].Holder == "" {
		t.Error("nobody holds the subscriber that is being served")
	}
}

func TestOneCallPerTransaction(t *testing.T) {
	db := open(t)
	r, s := newRelay(t, db), &sink{}
	subscribe(t, r, "a", s)
	combined := &sink{}
	subscribe(t, r, "b", combined, Combined())
	for range 3 {
		err := db.Transaction(func(tx *gorm.DB) error {
			return errors.Join(tx.Create(&account{}).Error, tx.Create(&account{}).Error)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	run(t, r)
	eventually(t, "all", func() bool { return len(s.records()) == 6 && len(combined.records()) == 6 })
	if n := len(s.batches()); n != 3 {
		t.Errorf("%d calls for three transactions", n)
	}
	if n := len(combined.batches()); n != 1 {
		t.Errorf("%d calls for one read", n)
	}
	for _, b := range s.batches() {
		if len(b) != 2 || b[0].TransactionID != b[1].TransactionID || b[0].Seq >= b[1].Seq {
			t.Errorf("batch %v", b)
		}
	}
}

func TestStartingPoints(t *testing.T) {
	db := open(t)
	createAccounts(t, db, 4)
	r := newRelay(t, db)
	all, now, three, filtered := &sink{}, &sink{}, &sink{}, &sink{}
	subscribe(t, r, "all", all)
	subscribe(t, r, "now", now, FromNow())
	subscribe(t, r, "three", three, FromSeq(3))
	subscribe(t, r, "filtered", filtered, Filter(func(r *audit.Record) bool { return r.Seq%2 == 0 }))
	createAccounts(t, db, 1)
	run(t, r)
	for _, c := range []struct {
		s    *sink
		want []int64
	}{{all, upTo(5)}, {now, []int64{5}}, {three, []int64{3, 4, 5}}, {filtered, []int64{2, 4}}} {
		eventually(t, "records", func() bool { return slices.Equal(c.s.seqs(), c.want) })
	}
	eventually(t, "filtered records count as seen", func() bool {
		stats, err := r.Subscriber("filtered").Stats(context.Background())
		return err == nil && stats.Lag == 0 && stats.Delivered == 2
	})
}

func TestSubscribersDoNotWaitForEachOther(t *testing.T) {
	db := open(t)
	r, good := newRelay(t, db), &sink{}
	release := make(chan struct{})
	subscribe(t, r, "slow", emitter.Func(func(ctx context.Context, _ []audit.Record) error {
		select {
		case <-release:
		case <-ctx.Done():
		}
		return ctx.Err()
	}))
	subscribe(t, r, "failing", &sink{refuse: func([]audit.Record) error { return errors.New("no") }})
	subscribe(t, r, "good", good)
	run(t, r)
	createAccounts(t, db, 10)
	eventually(t, "the good subscriber", func() bool { return len(good.seqs()) == 10 })
	close(release)
}

func TestStopWaitsForTheSink(t *testing.T) {
	db := open(t)
	createAccounts(t, db, 3)
	r := newRelay(t, db, StopWithin(20*time.Second))
	entered, leave := make(chan struct{}), make(chan struct{})
	var calls atomic.Int32
	subscribe(t, r, "a", emitter.Func(func(ctx context.Context, _ []audit.Record) error {
		if calls.Add(1) == 2 {
			close(entered)
			<-leave
		}
		return ctx.Err()
	}))
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	<-entered
	cancel()
	select {
	case <-done:
		t.Fatal("Run returned while the sink was busy")
	case <-time.After(100 * time.Millisecond):
	}
	close(leave)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	stats, err := r.Subscriber("a").Stats(context.Background())
	if err != nil || stats.Delivered != 2 || stats.Lag != 1 || stats.Holder != "" {
		t.Fatalf("want the second record accepted, one to come and the lease given back: %+v, %v", stats, err)
	}
}

func TestStopIsBounded(t *testing.T) {
	db := open(t)
	createAccounts(t, db, 1)
	r := newRelay(t, db, StopWithin(50*time.Millisecond))
	entered, leave := make(chan struct{}), make(chan struct{})
	subscribe(t, r, "a", emitter.Func(func(context.Context, []audit.Record) error { // deaf to its context
		close(entered)
		<-leave
		return nil
	}))
	defer close(leave)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	<-entered
	cancel()
	select {
	case err := <-done:
		if err != nil {
			t.Fatal(err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("Run waits for a sink that hangs")
	}
	stats, err := r.Subscriber("a").Stats(context.Background())
	if err != nil || stats.Delivered != 0 || stats.Lag != 1 {
		t.Fatalf("a record that was not accepted counts as delivered: %+v, %v", stats, err)
	}
}

func TestNotifierWakes(t *testing.T) {
	n := NewNotifier()
	db := open(t)
	r, s := newRelay(t, db, PollEvery(time.Hour), WithWaker(n)), &sink{}
	subscribe(t, r, "a", s)
	run(t, r)
	createAccounts(t, db, 1)
	eventually(t, "a record after a wake", func() bool {
		_ = n.Emit(context.Background(), nil)
		return len(s.seqs()) == 1
	})
}

func TestFailingWakerIsCalledAgain(t *testing.T) {
	var calls atomic.Int32
	db := open(t)
	r := newRelay(t, db, WithWaker(wakerFunc(func(context.Context, func()) error {
		calls.Add(1)
		return errors.New("connection lost")
	})))
	subscribe(t, r, "a", &sink{})
	run(t, r)
	eventually(t, "a second call", func() bool { return calls.Load() > 1 })
}

type wakerFunc func(ctx context.Context, wake func()) error

func (f wakerFunc) Wait(ctx context.Context, wake func()) error { return f(ctx, wake) }

// What the relay itself writes is no record, and its reads do not end a
// transaction's buffering.
func TestRelayIsNotAudited(t *testing.T) {
	db := open(t)
	r, s := newRelay(t, db), &sink{}
	subscribe(t, r, "a", s)
	run(t, r)
	createAccounts(t, db, 1)
	eventually(t, "one record", func() bool { return len(s.seqs()) == 1 })
	time.Sleep(50 * time.Millisecond)
	var n int64
	if err := db.Table("audit_logs").Count(&n).Error; err != nil || n != 1 {
		t.Fatalf("%d records, %v", n, err)
	}
}

func TestOneConnectionIsEnough(t *testing.T) {
	db := open(t)
	pool, err := db.DB()
	if err != nil {
		t.Fatal(err)
	}
	pool.SetMaxOpenConns(1)
	r, s := newRelay(t, db), &sink{}
	subscribe(t, r, "a", emitter.Func(func(ctx context.Context, records []audit.Record) error {
		var n int64 // a sink may use the database itself
		if err := db.WithContext(ctx).Table("audit_logs").Count(&n).Error; err != nil {
			return err
		}
		return s.Emit(ctx, records)
	}))
	run(t, r)
	createAccounts(t, db, 20)
	eventually(t, "all", func() bool { return slices.Equal(s.seqs(), upTo(20)) })
}
