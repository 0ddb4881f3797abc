package plugin_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/emitter"
)

// checked is an emitter that can tell how it is.
type checked struct {
	audit.Emitter
	err error
}

func (c *checked) Name() string { return "search" }

func (c *checked) Health(context.Context) error { return c.err }

func TestHealth(t *testing.T) {
	ill, queued := &checked{Emitter: emitter.Memory()}, &checked{Emitter: emitter.Memory()}
	for name, c := range map[string]struct {
		opts []auditplugin.Option
		harm func(t *testing.T, db *gorm.DB)
		want string // "" for well
	}{
		"well": {},
		"the table is gone": {
			harm: func(t *testing.T, db *gorm.DB) { exec(t, db, "DROP TABLE audit_logs") },
			want: "audit_logs can not be reached, or takes no INSERT",
		},
		"a column is gone": {
			harm: func(t *testing.T, db *gorm.DB) { exec(t, db, "ALTER TABLE audit_logs RENAME COLUMN metadata TO gone") },
			want: "takes no INSERT",
		},
		"the database is gone": {
			harm: func(t *testing.T, db *gorm.DB) { _ = poolOf(t, db).Close() },
			want: "can not be reached",
		},
		"an emitter is ill": {
			opts: []auditplugin.Option{auditplugin.WithEmitter(ill)},
			harm: func(*testing.T, *gorm.DB) { ill.err = errors.New("no disk left") },
			want: "emitter search: no disk left",
		},
		"an emitter behind a queue is ill": {
			opts: []auditplugin.Option{auditplugin.WithEmitter(emitter.Async(queued))},
			harm: func(*testing.T, *gorm.DB) { queued.err = errors.New("no disk left") },
			want: "emitter search: no disk left",
		},
		"an emitter failed": {
			opts: []auditplugin.Option{auditplugin.WithEmitter(failing(errors.New("value-4711"))), auditplugin.WithErrorHandler((&heard{}).handle)},
			harm: func(t *testing.T, db *gorm.DB) { must(t, db.Create(&user{})) },
			want: "lost, or not announced, within the last minute (1 so far)",
		},
	} {
		t.Run(name, func(t *testing.T) {
			db, p, _ := audited(t, c.opts...)
			if err := p.Health(t.Context()); err != nil {
				t.Fatal(err)
			}
			if c.harm != nil {
				c.harm(t, db)
			}
			err := p.Health(t.Context())
			if c.want == "" {
				if err != nil {
					t.Error(err)
				}
			} else if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "value-4711") {
				t.Errorf("Health returned %v", err)
			}
		})
	}
}

// A check leaves nothing behind: no row, and no number that a relay would miss.
func TestHealthWritesNothing(t *testing.T) {
	db, p, memory := audited(t)
	for range 3 {
		if err := p.Health(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	must(t, db.Create(&user{Name: "Ada"}))
	wantTrail(t, db, memory, "create user 1")
	if r := trail(t, db)[0]; r.Seq != 1 {
		t.Errorf("the first record has number %d", r.Seq)
	}
}

func TestHealthOfAQueue(t *testing.T) {
	db := openDB(t)
	waiting, open := gated(emitter.Memory())
	p := use(t, db, auditplugin.WithEmitter(emitter.Table(), emitter.Async(waiting, emitter.Queue(1))))
	for range 2 { // the worker has the first, or will
		must(t, db.Create(&user{}))
		for end := time.Now().Add(5 * time.Second); p.Health(t.Context()) != nil && time.Now().Before(end); {
			time.Sleep(time.Millisecond)
			if p.Stats().Records == 2 {
				break
			}
		}
	}
	if err := p.Health(t.Context()); !errors.Is(err, emitter.ErrQueueFull) {
		t.Errorf("Health returned %v", err)
	}
	open()
}

func TestHealthOfAPluginThatIsNotThere(t *testing.T) {
	ctx := context.Background()
	if err := auditplugin.New().Health(ctx); !errors.Is(err, auditplugin.ErrInvalidOption) {
		t.Errorf("before Initialize: %v", err)
	}
	off := openDB(t)
	p := use(t, off, auditplugin.WithEnabled(false))
	if err := p.Health(ctx); err != nil {
		t.Errorf("turned off: %v", err)
	}
	_, p, _ = audited(t)
	if err := p.Close(ctx); err != nil {
		t.Fatal(err)
	}
	if err := p.Health(ctx); !errors.Is(err, auditplugin.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

// Health ends when it is told to, whoever has the pool's only connection.
func TestHealthEndsInTime(t *testing.T) {
	db, p, _ := audited(t)
	pool := poolOf(t, db)
	pool.SetMaxOpenConns(1)
	held, err := pool.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := p.Health(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Health returned %v", err)
	}
}
