package alert_test

import (
	"context"
	"io"
	"log/slog"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/alert"
	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/emitter"
)

type User struct {
	ID       uint
	Name     string
	Role     string
	MFAPhone string `audit:"mask"`
	Balance  int
	Address  map[string]string `gorm:"serializer:json"`
}

type Order struct {
	ID     uint
	Amount string
}

// scene is a database with the plugin, whose committed records go straight to an
// engine; the tests of the relay are elsewhere.
type scene struct {
	*gorm.DB
	t      *testing.T
	engine *alert.Engine
	inbox  *inbox
	// errors are what Emit returned.
	mu     sync.Mutex
	errors []error
}

// inbox is a channel that keeps what it gets.
type inbox struct {
	mu       sync.Mutex
	messages []alert.Message
	fail     func(alert.Message) error
}

func (i *inbox) Send(_ context.Context, m alert.Message) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.fail != nil {
		if err := i.fail(m); err != nil {
			return err
		}
	}
	i.messages = append(i.messages, m)
	return nil
}

func (i *inbox) all() []alert.Message {
	i.mu.Lock()
	defer i.mu.Unlock()
	return slices.Clone(i.messages)
}

func openDB(t *testing.T) *gorm.DB {
	t.Helper()
	file := filepath.Join(t.TempDir(), "test.db")
	db, err := gorm.Open(sqlite.Open("file:"+file+"?_journal_mode=WAL&_busy_timeout=20000&_synchronous=OFF"), &gorm.Config{Logger: logger.Discard})
	if err != nil {
		t.Fatal(err)
	}
	pool, err := db.DB()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pool.Close() })
	if err := db.AutoMigrate(&User{}, &Order{}); err != nil {
		t.Fatal(err)
	}
	return db
}

func newScene(t *testing.T, rules []alert.Rule, opts ...alert.Option) *scene {
	t.Helper()
	s := &scene{DB: openDB(t), t: t, inbox: &inbox{}}
	plugin := auditplugin.New(auditplugin.WithEmitter(emitter.Table(), emitter.Func(func(ctx context.Context, records []audit.Record) error {
		if s.engine == nil {
			return nil
		}
		err := s.engine.Emit(ctx, records)
		s.mu.Lock()
		defer s.mu.Unlock()
		s.errors = append(s.errors, err)
		return err
	})))
	if err := s.Use(plugin); err != nil {
		t.Fatal(err)
	}
	engine, err := alert.New(s.DB, rules, map[string]alert.Channel{"inbox": s.inbox}, opts...)
	if err != nil {
		t.Fatal(err)
	}
	s.engine = engine
	t.Cleanup(func() {
		for _, err := range s.errors {
			if err != nil {
				t.Errorf("Emit: %v", err)
			}
		}
	})
	return s
}

// as is the handle with an actor and a reason.
func (s *scene) as(id, name, reason string) *gorm.DB {
	ctx := audit.WithActor(context.Background(), audit.Actor{ID: id, Type: "user", Name: name})
	return s.WithContext(audit.WithReason(ctx, reason))
}

func (s *scene) must(db *gorm.DB) {
	s.t.Helper()
	if db.Error != nil {
		s.t.Fatal(db.Error)
	}
}

// run runs the engine until there are n messages, and a little longer, and returns
// them.
func (s *scene) run(n int) []alert.Message {
	s.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.engine.Run(ctx) }()
	for deadline := time.Now().Add(10 * time.Second); len(s.inbox.all()) < n && time.Now().Before(deadline); {
		time.Sleep(5 * time.Millisecond)
	}
	time.Sleep(50 * time.Millisecond)
	cancel()
	if err := <-done; err != nil {
		s.t.Fatal(err)
	}
	got := s.inbox.all()
	if len(got) != n {
		s.t.Fatalf("%d messages, want %d: %q", len(got), n, texts(got))
	}
	return got
}

func texts(messages []alert.Message) []string {
	var out []string
	for _, m := range messages {
		out = append(out, m.Text)
	}
	return out
}

func discard() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }
