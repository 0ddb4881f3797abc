package relay

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/relay"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
)

type account struct {
	ID    uint
	Owner string
	Phone string
}

// open returns a database with the plugin and n accounts, whose records are 1 to n.
func open(t *testing.T, g testdb.Target, n int, options ...testdb.Option) *testdb.DB {
	t.Helper()
	db := g.Open(t, options...)
	must(t, db.AutoMigrate(&account{}))
	for i := range n {
		must(t, db.Create(&account{Owner: "owner " + strconv.Itoa(i)}).Error)
	}
	return db
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func newRelay(t *testing.T, db *gorm.DB, options ...relay.Option) *relay.Relay {
	t.Helper()
	r, err := relay.New(db, append([]relay.Option{
		relay.WithLogger(slog.New(slog.NewTextHandler(io.Discard, nil))),
		relay.PollEvery(5 * time.Millisecond), relay.LeaseFor(time.Second), relay.SettleAfter(100 * time.Millisecond),
	}, options...)...)
	must(t, err)
	return r
}

func run(t *testing.T, r *relay.Relay) (stop func()) {
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

// sink collects what is delivered.
type sink struct {
	mu   sync.Mutex
	seen []audit.Record
}

func (s *sink) Emit(_ context.Context, records []audit.Record) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen = append(s.seen, records...)
	return nil
}

func (s *sink) records() []audit.Record {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.seen)
}

func (s *sink) ids() []string {
	var ids []string
	for _, r := range s.records() {
		ids = append(ids, string(r.Action)+" "+r.RecordID)
	}
	return ids
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("not within 30 s: %s", what)
}

func stats(t *testing.T, r *relay.Relay, name string) relay.Stats {
	t.Helper()
	s, err := r.Subscriber(name).Stats(context.Background())
	must(t, err)
	return s
}

// servers runs f on the databases on which transactions overlap.
func servers(t *testing.T, f func(t *testing.T, g testdb.Target)) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		if g.Dialect == testdb.SQLite {
			t.Skip("one writer at a time")
		}
		f(t, g)
	})
}

// write changes an account in an open transaction, and has the record written now.
func write(t *testing.T, tx *gorm.DB, id uint, phone string) {
	t.Helper()
	must(t, tx.Model(&account{ID: id}).Update("phone", phone).Error)
	var n int64 // a query of the audit table writes what is buffered
	must(t, tx.Table("audit_logs").Count(&n).Error)
}

// refusing is a sink that accepts nothing.
type refusing struct{}

func (refusing) Emit(context.Context, []audit.Record) error {
	return relay.Permanent(errors.New("refused"))
}
