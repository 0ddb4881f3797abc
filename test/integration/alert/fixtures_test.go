// Package alert_test runs alerts on every database: the outbox, the relay in front
// of it, and processes that die in between.
package alert_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/alert"
	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/relay"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
)

type User struct {
	ID       uint
	Name     string
	Role     string
	MFAPhone string `audit:"mask"`
	Balance  int
}

func mfaRule() alert.Rule {
	return alert.When(alert.Model("user"), alert.Column("mfa_phone"), alert.Action(audit.Update)).Named("mfa-phone-changed").To("inbox")
}

// inbox is a channel that keeps what it gets.
type inbox struct {
	mu       sync.Mutex
	messages []alert.Message
	fail     error
}

func (i *inbox) Send(_ context.Context, m alert.Message) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.fail != nil {
		return i.fail
	}
	i.messages = append(i.messages, m)
	return nil
}

func (i *inbox) setFail(err error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.fail = err
}

func (i *inbox) all() []alert.Message {
	i.mu.Lock()
	defer i.mu.Unlock()
	return slices.Clone(i.messages)
}

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

func quick() []alert.Option {
	return []alert.Option{
		alert.WithPoll(10 * time.Millisecond), alert.WithRetry(3, time.Millisecond, 5*time.Millisecond), alert.WithLogger(quiet()),
		alert.WithSendTimeout(500 * time.Millisecond), alert.WithStopTimeout(500 * time.Millisecond),
	}
}

func newEngine(t *testing.T, db *gorm.DB, rules []alert.Rule, channels map[string]alert.Channel, opts ...alert.Option) *alert.Engine {
	t.Helper()
	e, err := alert.New(db, rules, channels, append(quick(), opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func newRelay(t *testing.T, db *gorm.DB) *relay.Relay {
	t.Helper()
	r, err := relay.New(db, relay.PollEvery(10*time.Millisecond), relay.LeaseFor(time.Second), relay.WithLogger(quiet()))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// start runs f until the returned function is called, or the test ends.
func start(t *testing.T, f func(ctx context.Context) error) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- f(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("run: %v", err)
		}
	})
	t.Cleanup(stop)
	return stop
}

func eventually(t *testing.T, what string, f func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !f(); {
		if time.Now().After(deadline) {
			t.Fatalf("not within 20 s: %s", what)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func as(db *testdb.DB, id string) *gorm.DB {
	ctx := audit.WithActor(context.Background(), audit.Actor{ID: id, Type: "user", Name: "Actor " + id})
	return db.WithContext(audit.WithReason(ctx, "ticket "+id))
}

func must(t *testing.T, db *gorm.DB) {
	t.Helper()
	if db.Error != nil {
		t.Fatal(db.Error)
	}
}

func open(t *testing.T, g testdb.Target) *testdb.DB {
	t.Helper()
	db := g.Open(t)
	if err := db.AutoMigrate(&User{}); err != nil {
		t.Fatal(err)
	}
	return db
}

func users(t *testing.T, db *testdb.DB, n int) {
	t.Helper()
	all := make([]User, n)
	for i := range all {
		all[i] = User{ID: uint(i + 1), Name: fmt.Sprint("user ", i+1), Role: "reader", MFAPhone: "+49"}
	}
	must(t, as(db, "setup").Create(&all))
}
