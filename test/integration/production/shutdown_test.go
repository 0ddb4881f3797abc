package production

import (
	"context"
	"database/sql"
	"errors"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/emitter"
	"github.com/gorm-audit/auditplugin/relay"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
)

func shutDown(ctx context.Context, server *http.Server, stopRelay func(), relayDone <-chan error, plugin *auditplugin.Plugin, pool *sql.DB) error {
	requests := server.Shutdown(ctx) // no more writes
	stopRelay()                      // ends Run's context
	var delivery error
	select {
	case delivery = <-relayDone: // positions are saved, leases given back
	case <-ctx.Done():
		delivery = ctx.Err()
	}
	return errors.Join(requests, delivery, plugin.Close(ctx), pool.Close())
}

// What is tried here is what is documented.
func TestShutDownIsTheDocumentedOne(t *testing.T) {
	source, err := os.ReadFile("shutdown_test.go")
	must(t, err)
	text, err := os.ReadFile("../../../docs/production.md")
	must(t, err)
	_, body, found := strings.Cut(string(source), "\nfunc shutDown(")
	body, _, ended := strings.Cut(body, "\n}\n")
	if !found || !ended || !strings.Contains(string(text), "func shutDown("+body+"\n}\n") {
		t.Error("docs/production.md shuts down otherwise")
	}
}

// A request that is under way when the process is told to stop is recorded, its record
// reaches the emitter that queues, and the lease is given back.
func TestShutDown(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		s := newScene(t, g)
		db, err := gorm.Open(testdb.Dialector(g.Dialect, s.owner.DSN), &gorm.Config{Logger: s.owner.Logger})
		must(t, err)
		pool, err := db.DB()
		must(t, err)
		queued := emitter.Memory()
		slow := emitter.Func(func(ctx context.Context, records []audit.Record) error {
			time.Sleep(50 * time.Millisecond)
			return queued.Emit(ctx, records)
		})
		plugin := auditplugin.New(auditplugin.WithEmitter(emitter.Table(emitter.NoCreate()), emitter.Async(slow)))
		must(t, db.Use(plugin))
		r, err := relay.New(db, relay.NoCreate())
		must(t, err)
		must(t, r.Subscribe("partner", emitter.Memory()))
		ctx, stopRelay := context.WithCancel(t.Context())
		relayDone := make(chan error, 1)
		go func() { relayDone <- r.Run(ctx) }()
		eventually(t, "a lease", func() bool { return holder(t, s) != "" })

		begun := make(chan struct{})
		mux := http.NewServeMux()
		mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
			close(begun)
			time.Sleep(100 * time.Millisecond)
			if err := db.WithContext(r.Context()).Create(&account{Phone: "1"}).Error; err != nil {
				http.Error(w, err.Error(), http.StatusInternalServerError)
			}
		})
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		must(t, err)
		server := &http.Server{Handler: mux, ReadHeaderTimeout: time.Minute}
		go func() { _ = server.Serve(listener) }()
		answer := make(chan error, 1)
		go func() {
			response, err := http.Get("http://" + listener.Addr().String())
			if err == nil {
				err = response.Body.Close()
				if response.StatusCode != http.StatusOK {
					err = errors.New(response.Status)
				}
			}
			answer <- err
		}()
		<-begun
		deadline, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		must(t, shutDown(deadline, server, stopRelay, relayDone, plugin, pool))
		must(t, <-answer)
		if n := len(queued.Records()); n != 1 {
			t.Errorf("%d records reached the emitter that queues, not 1", n)
		}
		var stored int64
		must(t, s.owner.Table("audit_logs").Count(&stored).Error)
		if stored != 1 {
			t.Errorf("%d records are stored, not 1", stored)
		}
		if h := holder(t, s); h != "" {
			t.Errorf("the lease is still %s's", h)
		}
	})
}

// holder tells who serves the subscriber.
func holder(t *testing.T, s *scene) string {
	t.Helper()
	r, err := relay.New(s.owner.DB, relay.NoCreate())
	must(t, err)
	stats, err := r.Subscriber("partner").Stats(t.Context())
	must(t, err)
	return stats.Holder
}

func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !done(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("still waiting for " + what)
		}
	}
}
