package telemetry

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/alert"
	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/audithttp"
	"github.com/gorm-audit/auditplugin/emitter"
	"github.com/gorm-audit/auditplugin/relay"
	"github.com/gorm-audit/auditplugin/telemetry"
)

// secret is in every value, and may be in nothing that is counted, traced or answered.
const secret = "planted-4711"

type account struct {
	ID       uint
	Name     string
	Password string
}

// note is written even if its records are lost.
type note struct {
	ID   uint
	Text string
}

// order needs an actor.
type order struct{ ID uint }

// scene is a process: a database with the plugin, a relay and alerts.
type scene struct {
	db     *gorm.DB
	plugin *auditplugin.Plugin
	relay  *relay.Relay
	alerts *alert.Engine
}

func open(t *testing.T, opts ...auditplugin.Option) *scene {
	t.Helper()
	db, err := gorm.Open(sqlite.Open("file:"+filepath.Join(t.TempDir(), "test.db")+"?_journal_mode=WAL&_busy_timeout=20000&_synchronous=OFF"), &gorm.Config{Logger: logger.Discard})
	if err != nil {
		t.Fatal(err)
	}
	pool, err := db.DB()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pool.Close() })
	quiet := slog.New(slog.NewTextHandler(io.Discard, nil))
	plugin := auditplugin.New(append([]auditplugin.Option{
		auditplugin.WithLogger(quiet),
		auditplugin.WithEmitter(
			emitter.Table(),
			emitter.Async(emitter.Func(func(context.Context, []audit.Record) error { return nil })),
			refuser{},
		),
		auditplugin.WithFailurePolicy(auditplugin.KeepWrite, &note{}),
		auditplugin.WithRequiredActor(&order{}),
		auditplugin.WithErrorHandler(func(_ context.Context, err error) {
			if strings.Contains(err.Error(), "panicked") {
				t.Error(err)
			}
		}),
	}, opts...)...)
	err = errors.Join(db.AutoMigrate(&account{}, &note{}, &order{}), db.Table("made_up_"+"7").AutoMigrate(&note{}), db.Use(plugin))
	if err != nil {
		t.Fatal(err)
	}
	s := &scene{db: db, plugin: plugin}
	if s.relay, err = relay.New(db, relay.WithLogger(quiet)); err != nil {
		t.Fatal(err)
	}
	if err := s.relay.Subscribe("warehouse", refuser{}); err != nil {
		t.Fatal(err)
	}
	s.alerts, err = alert.New(db, nil, map[string]alert.Channel{"inbox": alert.Func(func(context.Context, alert.Message) error { return nil })}, alert.WithLogger(quiet))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// refuser takes no records.
type refuser struct{}

func (refuser) Name() string { return "search" }

func (refuser) Emit(context.Context, []audit.Record) error { return errors.New(secret) }

// watch has the sources asked.
func (s *scene) watch(to *telemetry.Sources) {
	to.WatchPlugin(s.plugin)
	to.WatchRelay(s.relay)
	to.WatchAlerts(s.alerts)
}

// play is the scenario. Its counts are in want.
func (s *scene) play(ctx context.Context, t *testing.T) {
	t.Helper()
	ctx = audit.WithReason(audit.WithMessage(ctx, secret), secret)
	db := s.db.WithContext(ctx)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	rollback := errors.New("rolled back")

	// Two accounts, and one in a transaction that is rolled back.
	must(db.Create([]account{{Name: secret, Password: secret}, {Name: secret}}).Error)
	err := db.Transaction(func(tx *gorm.DB) error {
		return errors.Join(tx.Create(&account{Name: secret}).Error, rollback)
	})
	if !errors.Is(err, rollback) {
		t.Fatal(err)
	}
	// A change, and one that is rolled back to a savepoint.
	must(db.Transaction(func(tx *gorm.DB) error {
		err := tx.Transaction(func(tx *gorm.DB) error {
			return errors.Join(tx.Delete(&account{}, 2).Error, rollback)
		})
		if !errors.Is(err, rollback) {
			return err
		}
		return tx.Model(&account{ID: 1}).Update("password", secret+"!").Error
	}))
	// A table whose name was made up, an event likewise, and raw SQL.
	must(db.Table("made_up_7").Create(map[string]any{"text": secret}).Error)
	must(auditplugin.Event(db, audit.Record{Action: audit.Action(secret), Table: secret, Message: secret}))
	must(db.Exec("UPDATE accounts SET name = '" + secret + "'").Error)
	// A loss.
	pool, err := s.db.DB()
	must(err)
	_, err = pool.Exec("CREATE TRIGGER no BEFORE INSERT ON audit_logs WHEN NEW.table_name = 'notes' AND NEW.action = 'create' BEGIN SELECT RAISE(ABORT, '" + secret + "'); END")
	must(err)
	must(db.Create([]note{{Text: secret}, {Text: secret}, {Text: secret}}).Error)
	// A refusal.
	if err := db.Create(&order{}).Error; !errors.Is(err, auditplugin.ErrActorRequired) {
		t.Fatal(err)
	}
	// The queue is emptied.
	for end := time.Now().Add(10 * time.Second); s.plugin.Queues()["emitter.Func"].Queued > 0 && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
}

// want is what the scenario comes to, by metric, with the names of Prometheus.
func want() map[string]float64 {
	return map[string]float64{
		`records{create,accounts}`: 2,
		`records{update,accounts}`: 1,
		`records{raw,accounts}`:    1,
		`records{create,other}`:    1,
		`records{other,other}`:     1,
		`records{event,notes}`:     1, // three records were lost
		`records{event,orders}`:    1, // a write was refused
		`lost`:                     3,
		`refused{actor_required}`:  1,

		`capture{create}`: 4, // accounts twice, the table that was made up, notes
		`capture{update}`: 1,
		`capture{delete}`: 1,
		`capture{raw}`:    1,

		`flush{success}`: 4,
		`flush{failure}`: 1,

		// Four transactions, one whose records were lost, three events.
		`announce{emitter.Func,success}`: 8,
		`announce{search,failure}`:       8,

		`buffered`:              0,
		`queue{emitter.Func}`:   0,
		`dropped{emitter.Func}`: 0,

		`relay lag{warehouse}`:  8,
		`relay dead{warehouse}`: 0,
		`alert late{inbox}`:     0,
		`alert dead{inbox}`:     0,
		`failed{relay}`:         0,
		`failed{alerts}`:        0,
	}
}

func (s *scene) checks() []audithttp.Check {
	return []audithttp.Check{{Name: "audit", Ask: s.plugin.Health}, {Name: "relay", Ask: s.relay.Health}, {Name: "alerts", Ask: s.alerts.Health}}
}
