package relay

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	driver "gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/audit"
)

type account struct {
	ID    uint
	Phone string
}

// open returns a database with the plugin and the table of accounts.
func open(t *testing.T) *gorm.DB {
	t.Helper()
	file := filepath.Join(t.TempDir(), "test.db")
	db, err := gorm.Open(driver.Open("file:"+file+"?_journal_mode=WAL&_busy_timeout=20000&_synchronous=OFF"), &gorm.Config{Logger: logger.Discard})
	if err != nil {
		t.Fatal(err)
	}
	pool, err := db.DB()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pool.Close() })
	if err := errors.Join(db.Use(auditplugin.New(auditplugin.WithLogger(slog.New(slog.NewTextHandler(io.Discard, nil))))), db.AutoMigrate(&account{})); err != nil {
		t.Fatal(err)
	}
	return db
}

func quiet() Option { return WithLogger(slog.New(slog.NewTextHandler(io.Discard, nil))) }

func newRelay(t *testing.T, db *gorm.DB, opts ...Option) *Relay {
	t.Helper()
	r, err := New(db, append([]Option{quiet(), PollEvery(5 * time.Millisecond), LeaseFor(time.Second)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func subscribe(t *testing.T, r *Relay, name string, sink audit.Emitter, opts ...SubscribeOption) {
	t.Helper()
	if err := r.Subscribe(name, sink, opts...); err != nil {
		t.Fatal(err)
	}
}

// run runs r and returns a function that stops it and waits.
func run(t *testing.T, r *Relay) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	t.Cleanup(stop)
	return stop
}

func createAccounts(t *testing.T, db *gorm.DB, n int) {
	t.Helper()
	for i := range n {
		if err := db.Create(&account{Phone: strconv.Itoa(i)}).Error; err != nil {
			t.Fatal(err)
		}
	}
}

// sink is an emitter that collects what it accepts.
type sink struct {
	mu     sync.Mutex
	calls  [][]audit.Record
	refuse func(records []audit.Record) error
}

func (s *sink) Emit(_ context.Context, records []audit.Record) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refuse != nil {
		if err := s.refuse(records); err != nil {
			return err
		}
	}
	s.calls = append(s.calls, slices.Clone(records))
	return nil
}

func (s *sink) setRefuse(f func([]audit.Record) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refuse = f
}

func (s *sink) batches() [][]audit.Record {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.calls)
}

func (s *sink) records() []audit.Record { return slices.Concat(s.batches()...) }

func (s *sink) seqs() []int64 {
	var seqs []int64
	for _, r := range s.records() {
		seqs = append(seqs, r.Seq)
	}
	return seqs
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(2 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("not within 20 s: %s", what)
}

func upTo(n int64) []int64 {
	var all []int64
	for i := int64(1); i <= n; i++ {
		all = append(all, i)
	}
	return all
}
