package relay

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/emitter"
)

// Two processes, as far as the database can tell.
func TestOneServesAndTheOtherTakesOver(t *testing.T) {
	db := open(t)
	one, two := &sink{}, &sink{}
	r1, r2 := newRelay(t, db), newRelay(t, db)
	subscribe(t, r1, "a", one)
	subscribe(t, r2, "a", two)
	stop := run(t, r1)
	createAccounts(t, db, 1)
	eventually(t, "the first serves", func() bool { return len(one.seqs()) == 1 })
	run(t, r2)
	createAccounts(t, db, 20)
	eventually(t, "the first goes on", func() bool { return len(one.seqs()) == 21 })
	if n := len(two.seqs()); n != 0 {
		t.Fatalf("both serve: %d", n)
	}
	stop()
	begun := time.Now()
	createAccounts(t, db, 1)
	eventually(t, "the second takes over", func() bool { return slices.Equal(two.seqs(), []int64{22}) })
	if took := time.Since(begun); took > 900*time.Millisecond {
		t.Errorf("a lease that was given back was waited for: %v", took)
	}
}

// A process that comes back after its lease lapsed changes nothing.
func TestLateHolderIsFencedOff(t *testing.T) {
	db := open(t)
	createAccounts(t, db, 3)
	entered, leave := make(chan struct{}), make(chan struct{})
	r1, r2 := newRelay(t, db), newRelay(t, db)
	first := true
	subscribe(t, r1, "a", emitter.Func(func(context.Context, []audit.Record) error {
		if first { // it sleeps, and does not heed its context
			first = false
			close(entered)
			<-leave
		}
		return nil
	}))
	s := &sink{}
	subscribe(t, r2, "a", s)
	run(t, r1)
	<-entered
	// The lease is taken from it, as if it had been stopped for a minute.
	if _, err := r1.store.db.Exec("UPDATE audit_relay_leases SET expires_at = 0, holder = 'x'"); err != nil {
		t.Fatal(err)
	}
	run(t, r2)
	eventually(t, "the second delivers", func() bool { return slices.Equal(s.seqs(), upTo(3)) })
	position := func() (high, token int64) {
		if err := db.Raw("SELECT high, token FROM audit_relay_positions").Row().Scan(&high, &token); err != nil {
			t.Fatal(err)
		}
		return high, token
	}
	eventually(t, "saved", func() bool { high, _ := position(); return high == 3 })
	_, before := position()
	close(leave)
	time.Sleep(300 * time.Millisecond)
	if high, token := position(); high != 3 || token != before {
		t.Fatalf("position %d with token %d, want 3 with %d", high, token, before)
	}
}

// The store refuses what an older lease writes.
func TestOldTokenCannotSave(t *testing.T) {
	ctx := context.Background()
	db := open(t)
	r := newRelay(t, db)
	subscribe(t, r, "a", &sink{})
	if _, _, err := r.store.take(ctx, "a", 5); err != nil {
		t.Fatal(err)
	}
	if _, _, err := r.store.take(ctx, "a", 7); err != nil {
		t.Fatal(err)
	}
	buried := newLetter(audit.Record{ID: "x", Seq: 9}, errors.New("no"), 1)
	for _, dead := range [][]letter{nil, {buried}} {
		err := r.store.save(ctx, progress{name: "a", token: 5, position: position{high: 9}, dead: dead})
		if !errors.Is(err, ErrLeaseLost) {
			t.Errorf("saving with an old token: %v", err)
		}
	}
	if _, _, err := r.store.take(ctx, "a", 6); !errors.Is(err, ErrLeaseLost) {
		t.Errorf("taking with an old token: %v", err)
	}
	if n := len(deadLetters(t, r, "a")); n != 0 {
		t.Errorf("%d dead letters of an old lease", n)
	}
}

func TestRewindAndRemove(t *testing.T) {
	ctx := context.Background()
	db := open(t)
	createAccounts(t, db, 3)
	r, s := newRelay(t, db), &sink{}
	subscribe(t, r, "a", s)
	stop := run(t, r)
	eventually(t, "all", func() bool { return len(s.seqs()) == 3 })
	if err := r.Subscriber("a").Rewind(ctx, 2); !errors.Is(err, ErrRunning) {
		t.Fatalf("rewinding under a running relay: %v", err)
	}
	stop()
	if err := r.Subscriber("a").Rewind(ctx, 2); err != nil {
		t.Fatal(err)
	}
	r, s = newRelay(t, db), &sink{}
	subscribe(t, r, "a", s)
	stop = run(t, r)
	eventually(t, "again from 2", func() bool { return slices.Equal(s.seqs(), []int64{2, 3}) })
	stop()
	if err := r.Subscriber("a").Remove(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Subscriber("a").Stats(ctx); !errors.Is(err, ErrNoSubscriber) {
		t.Fatalf("stats of a removed subscriber: %v", err)
	}
}
