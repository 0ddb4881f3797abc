package integration

import (
	"context"
	"strings"
	"sync"
	"testing"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
	"gorm.io/gorm"
)

// refuseUpdates lets the audit table refuse records of updates, and only those.
func refuseUpdates(s *stage) {
	s.Helper()
	statements := map[string][]string{
		testdb.SQLite: {`CREATE TRIGGER refuse BEFORE INSERT ON audit_logs WHEN NEW.action = 'update'
			BEGIN SELECT RAISE(ABORT, 'refused'); END`},
		testdb.Postgres: {`ALTER TABLE audit_logs ADD CONSTRAINT refuse CHECK (action <> 'update')`},
		testdb.MySQL:    {"ALTER TABLE audit_logs ADD CONSTRAINT refuse CHECK (action <> 'update')"},
	}[s.db.Target.Dialect]
	for _, statement := range statements {
		if _, err := s.db.Raw.Exec(statement); err != nil {
			s.Fatal(err)
		}
	}
}

// heard collects what the error handler is told.
type heard struct {
	mu     sync.Mutex
	errors []error
}

func (h *heard) handle(_ context.Context, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.errors = append(h.errors, err)
}

func (h *heard) all() []error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.errors
}

func TestFailWrite(t *testing.T) {
	settings().capture(t, func(s *stage) {
		refuseUpdates(s)
		s.fails(s.db.Model(&Setting{Name: "a"}).Update("value", "1").Error, auditplugin.ErrAuditFailed)
		err := s.db.Transaction(func(tx *gorm.DB) error {
			s.try(put(tx, "x"))
			return tx.Model(&Setting{Name: "a"}).Update("value", "2").Error
		})
		s.fails(err, auditplugin.ErrAuditFailed)
		s.try(put(s.db.DB, "later"))
		s.created("later")
	})
}

func TestKeepWrite(t *testing.T) {
	for _, prepare := range []bool{false, true} {
		handler := &heard{}
		sc := settings()
		sc.options = []testdb.Option{
			testdb.WithGORM(func(c *gorm.Config) { c.PrepareStmt = prepare }),
			testdb.WithPlugin(auditplugin.WithFailurePolicy(auditplugin.KeepWrite), auditplugin.WithErrorHandler(handler.handle)),
		}
		name := map[bool]string{false: "plain", true: "prepared"}[prepare]
		t.Run(name, func(t *testing.T) { sc.natively(t, testKeepWrite(handler)) })
	}
}

func testKeepWrite(handler *heard) func(s *stage) {
	return func(s *stage) {
		refuseUpdates(s)
		s.ok(s.db.Model(&Setting{Name: "a"}).Update("value", "kept"))
		s.try(s.db.Transaction(func(tx *gorm.DB) error {
			s.ok(tx.Model(&Setting{Name: "b"}).Update("value", "kept"))
			var n int64
			s.ok(tx.Table("audit_logs").Count(&n)) // the records are tried here
			var value string
			s.ok(tx.Model(&Setting{}).Select("value").Where("name = ?", "b").Scan(&value))
			if value != "kept" {
				s.Errorf("the transaction sees %q", value)
			}
			return put(tx, "after")
		}))
		var values []string
		s.ok(s.other().Model(&Setting{}).Order("name").Pluck("value", &values))
		if strings.Join(values, " ") != "kept 1 kept v-c" {
			s.Errorf("the values are %v", values)
		}
		s.created("after")
		if len(handler.all()) == 0 || s.db.Plugin.Stats().Failed < 2 {
			s.Errorf("the handler heard %v, %d failed", handler.all(), s.db.Plugin.Stats().Failed)
		}
		events := 0
		for _, e := range s.trail() {
			if e.Action == "event" && e.Outcome == "failure" {
				events++
			}
		}
		if events != 2 {
			s.Errorf("%d events tell of the loss", events)
		}
		s.oracle = nil // two changes have no record, as the policy says
	}
}

func TestFailurePolicyOfModel(t *testing.T) {
	sc := scene{models: []any{&Setting{}, &Counter{}}, seed: func(db *gorm.DB) error {
		if err := seedCounters("a")(db); err != nil {
			return err
		}
		return seedSettings("a")(db)
	}}
	sc.options = []testdb.Option{testdb.WithPlugin(
		auditplugin.WithFailurePolicy(auditplugin.KeepWrite, &Counter{}),
		auditplugin.WithErrorHandler((&heard{}).handle),
	)}
	sc.natively(t, func(s *stage) {
		refuseUpdates(s)
		s.ok(s.db.Model(&Counter{ID: 1}).Update("hits", 50))
		s.fails(s.db.Model(&Setting{Name: "a"}).Update("value", "1").Error, auditplugin.ErrAuditFailed)
		s.oracle = nil
	})
}

// An emitter that fails or panics after the commit is nobody's trouble but the
// error handler's.
func TestEmitterFailsAfterCommit(t *testing.T) {
	handler := &heard{}
	sc := settings()
	sc.options = []testdb.Option{testdb.WithPlugin(
		auditplugin.WithEmitter(failing{}, panicking{}), auditplugin.WithErrorHandler(handler.handle),
	)}
	sc.natively(t, func(s *stage) {
		s.try(put(s.db.DB, "x"))
		s.expect("1 create settings")
		if len(handler.all()) < 2 {
			s.Errorf("the handler heard %v", handler.all())
		}
	})
}

type failing struct{}

func (failing) Emit(context.Context, []audit.Record) error { return errOnPurpose }

type panicking struct{}

func (panicking) Emit(context.Context, []audit.Record) error { panic("on purpose") }

// After Close, writes are refused; before it, everything was handed out.
func TestClosedPlugin(t *testing.T) {
	settings().natively(t, func(s *stage) {
		s.try(put(s.db.DB, "x"))
		s.try(s.db.Plugin.Close(context.Background()))
		s.fails(put(s.db.DB, "y"), auditplugin.ErrClosed)
		s.expect("1 create settings")
	})
}
