package pgnotify

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/emitter"
	"github.com/gorm-audit/auditplugin/relay"
	"github.com/gorm-audit/auditplugin/relay/pgnotify"
)

type account struct {
	ID    uint
	Phone string
}

// open returns a schema of its own and its data source name.
func open(t *testing.T) (*gorm.DB, string) {
	t.Helper()
	server := os.Getenv("AUDIT_POSTGRES_DSN")
	if server == "" {
		t.Skip("AUDIT_POSTGRES_DSN is not set")
	}
	name := fmt.Sprintf("pgnotify_%d", time.Now().UnixNano())
	admin, err := gorm.Open(postgres.Open(server), &gorm.Config{Logger: logger.Discard})
	must(t, err)
	must(t, admin.Exec("CREATE SCHEMA "+name).Error)
	t.Cleanup(func() {
		must(t, admin.Exec("SET client_min_messages = warning; DROP SCHEMA "+name+" CASCADE").Error)
		closePool(t, admin)
	})
	u, err := url.Parse(server)
	must(t, err)
	q := u.Query()
	q.Set("search_path", name)
	q.Set("synchronous_commit", "off")
	u.RawQuery = q.Encode()
	db, err := gorm.Open(postgres.Open(u.String()), &gorm.Config{Logger: logger.Discard})
	must(t, err)
	t.Cleanup(func() { closePool(t, db) })
	return db, u.String()
}

func closePool(t *testing.T, db *gorm.DB) {
	t.Helper()
	pool, err := db.DB()
	must(t, err)
	must(t, pool.Close())
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

// counting counts wakes.
type counting struct {
	relay.Waker
	wakes atomic.Int32
}

func (c *counting) Wait(ctx context.Context, wake func()) error {
	return c.Waker.Wait(ctx, func() { c.wakes.Add(1); wake() })
}

// Either way of notifying wakes a relay that does not poll.
func TestWakesAcrossProcesses(t *testing.T) {
	for _, way := range []string{"after commit", "trigger"} {
		t.Run(way, func(t *testing.T) {
			db, dsn := open(t)
			channel := pgnotify.Channel("it's " + way)
			emitters := []audit.Emitter{emitter.Table()}
			if way == "after commit" {
				emitters = append(emitters, pgnotify.Notify(channel))
			}
			plugin := auditplugin.New(auditplugin.WithEmitter(emitters...), auditplugin.WithLogger(quiet()))
			must(t, db.Use(plugin))
			must(t, db.AutoMigrate(&account{}))
			if way == "trigger" {
				pool, err := db.DB()
				must(t, err)
				_, err = pool.Exec(pgnotify.Trigger("audit_logs", channel))
				must(t, err)
			}
			waker := &counting{Waker: pgnotify.Listen(dsn, channel)}
			r, err := relay.New(db, relay.WithWaker(waker), relay.PollEvery(time.Hour), relay.WithLogger(quiet()))
			must(t, err)
			var delivered atomic.Int32
			must(t, r.Subscribe("a", emitter.Func(func(_ context.Context, records []audit.Record) error {
				delivered.Add(int32(len(records)))
				return nil
			})))
			ctx, stop := context.WithCancel(context.Background())
			done := make(chan error, 1)
			go func() { done <- r.Run(ctx) }()
			eventually(t, "listening", func() bool { return waker.wakes.Load() > 0 })
			for i := range 20 {
				must(t, db.Create(&account{}).Error)
				eventually(t, "a record", func() bool { return delivered.Load() == int32(i+1) })
			}
			stop()
			must(t, <-done)
			must(t, plugin.Close(context.Background()))
		})
	}
}

func TestListenerComesBack(t *testing.T) {
	db, dsn := open(t)
	must(t, db.Use(auditplugin.New(auditplugin.WithLogger(quiet()))))
	waker := &counting{Waker: pgnotify.Listen(dsn + "&application_name=listener_that_dies")}
	r, err := relay.New(db, relay.WithWaker(waker), relay.WithLogger(quiet()))
	must(t, err)
	must(t, r.Subscribe("a", emitter.Func(func(context.Context, []audit.Record) error { return nil })))
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	eventually(t, "listening", func() bool { return waker.wakes.Load() == 1 })
	must(t, db.Exec("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'listener_that_dies'").Error)
	eventually(t, "listening again", func() bool { return waker.wakes.Load() == 2 })
	stop()
	must(t, <-done)
}

func TestOnlyPostgres(t *testing.T) {
	db := &gorm.DB{Config: &gorm.Config{Dialector: other{}}}
	if _, err := pgnotify.Notify().Bind(db); !errors.Is(err, pgnotify.ErrNotPostgres) {
		t.Errorf("binding to another database: %v", err)
	}
	if err := pgnotify.Notify().Emit(context.Background(), nil); !errors.Is(err, emitter.ErrNotBound) {
		t.Errorf("an unbound notifier: %v", err)
	}
}

type other struct{ gorm.Dialector }

func (other) Name() string { return "mysql" }

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(2 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("not within 20 s: %s", what)
}
