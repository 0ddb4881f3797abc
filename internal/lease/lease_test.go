package lease

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	_ "gorm.io/driver/sqlite" // the driver sqlite3

	"github.com/gorm-audit/auditplugin/internal/dialect"
)

func open(t *testing.T, ttl time.Duration) *Store {
	t.Helper()
	db, err := sql.Open("sqlite3", "file:"+filepath.Join(t.TempDir(), "lease.db")+"?_busy_timeout=20000&_journal_mode=WAL")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	table := dialect.Table{Name: "leases"}
	if _, err := db.Exec(DDL(dialect.SQLite, table)); err != nil {
		t.Fatal(err)
	}
	return New(db, dialect.SQLite, table, ttl)
}

func acquire(t *testing.T, s *Store, holder string) *Lease {
	t.Helper()
	l, err := s.Acquire(context.Background(), "work", holder)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestOneHolderAtATime(t *testing.T) {
	s := open(t, time.Minute)
	a := acquire(t, s, "a")
	if a == nil || acquire(t, s, "b") != nil {
		t.Fatal("want a lease for a and none for b")
	}
	if holder, left, err := s.Holder(context.Background(), "work"); holder != "a" || left <= 0 || left > time.Minute || err != nil {
		t.Fatalf("holder %q for %v, %v", holder, left, err)
	}
	if err := a.Release(context.Background()); err != nil {
		t.Fatal(err)
	}
	if holder, _, _ := s.Holder(context.Background(), "work"); holder != "" {
		t.Fatalf("released, and yet held by %q", holder)
	}
	b := acquire(t, s, "b")
	if b == nil || b.Token() <= a.Token() {
		t.Fatalf("want a larger token after a release, %v", b)
	}
	if err := a.Renew(context.Background()); !errors.Is(err, ErrLost) {
		t.Fatalf("renewing what b has: %v", err)
	}
	if err := a.Release(context.Background()); err != nil || acquire(t, s, "c") != nil {
		t.Fatalf("a's release took b's lease (%v)", err)
	}
}

func TestLapsedLeaseIsTaken(t *testing.T) {
	s := open(t, 50*time.Millisecond)
	a := acquire(t, s, "a")
	time.Sleep(80 * time.Millisecond)
	b := acquire(t, s, "b")
	if b == nil || b.Token() <= a.Token() {
		t.Fatalf("want b to take the lapsed lease with a larger token, got %v", b)
	}
}

func TestHoldRenewsAndNoticesLoss(t *testing.T) {
	s := open(t, 3*time.Second) // a busy machine may stand still for a good part of it
	a := acquire(t, s, "a")
	held, stop := a.Hold(context.Background())
	defer stop()
	time.Sleep(4 * time.Second)
	if held.Err() != nil || acquire(t, s, "b") != nil {
		t.Fatalf("the lease was not renewed: %v", context.Cause(held))
	}
	if _, err := s.db.Exec(`UPDATE "leases" SET holder = 'thief', token = token + 1`); err != nil {
		t.Fatal(err)
	}
	select {
	case <-held.Done():
	case <-time.After(5 * time.Second):
		t.Fatal("the loss was not noticed")
	}
	if !errors.Is(context.Cause(held), ErrLost) {
		t.Fatalf("cause is %v", context.Cause(held))
	}
}

func TestUnreachableDatabaseLosesTheLease(t *testing.T) {
	s := open(t, 200*time.Millisecond)
	held, stop := acquire(t, s, "a").Hold(context.Background())
	defer stop()
	_ = s.db.Close()
	select {
	case <-held.Done():
	case <-time.After(5 * time.Second):
		t.Fatal("the lease lapsed and was still thought held")
	}
	if !errors.Is(context.Cause(held), ErrLost) {
		t.Fatalf("cause is %v", context.Cause(held))
	}
}

func TestConcurrentFirstAcquire(t *testing.T) {
	s := open(t, time.Minute)
	var got atomic.Int32
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			l, err := s.Acquire(context.Background(), "work", NewHolder())
			if err != nil {
				t.Error(err)
			}
			if l != nil {
				got.Add(1)
			}
		})
	}
	wg.Wait()
	if got.Load() != 1 {
		t.Fatalf("%d holders", got.Load())
	}
}
