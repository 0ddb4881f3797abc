package routing_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/auditlog"
	"github.com/gorm-audit/auditplugin/ecslog"
	"github.com/gorm-audit/auditplugin/emitter"
	"github.com/gorm-audit/auditplugin/test/ecsspec"
)

type account struct {
	ID        uint
	Name      string
	Balance   float64
	Settings  map[string]any `gorm:"serializer:json"`
	Photo     []byte
	Password  string
	CreatedAt time.Time
	DeletedAt gorm.DeletedAt
}

// TestRealLinesFollowTheSpecification runs the plugin on SQLite with every kind of
// record, on both emitters for logs and with the audit logger beside them.
func TestRealLinesFollowTheSpecification(t *testing.T) {
	spec := ecsspec.Load(t)
	db, err := gorm.Open(sqlite.Open(filepath.Join(t.TempDir(), "run.db")), &gorm.Config{Logger: logger.Discard})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.AutoMigrate(&account{}); err != nil {
		t.Fatal(err)
	}
	outputs := map[string]*bytes.Buffer{"ecslog": {}, "JSON": {}, "auditlog": {}}
	plugin := auditplugin.New(
		auditplugin.WithApplication("accounts"), auditplugin.WithLifecycleEvents(),
		auditplugin.WithEmitter(emitter.Slog(slog.New(ecslog.NewHandler(outputs["ecslog"], nil))), emitter.JSON(outputs["JSON"])),
	)
	if err := db.Use(plugin); err != nil {
		t.Fatal(err)
	}
	log, err := auditlog.New(slog.Default(), auditlog.WithApplication("accounts"), auditlog.WithWriter(outputs["auditlog"]))
	if err != nil {
		t.Fatal(err)
	}
	change(t, db, log)
	if err := plugin.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	for name, out := range outputs {
		actions := map[string]bool{}
		for line := range strings.Lines(out.String()) {
			if err := spec.Check([]byte(line)); err != nil {
				t.Errorf("%s: %v\n%.1000s", name, err, line)
			}
			var doc struct {
				Version string `json:"ecs.version"`
				Log     struct{ Logger string }
				Event   struct{ Action string }
			}
			if err := json.Unmarshal([]byte(line), &doc); err != nil {
				t.Fatal(err)
			}
			if doc.Version != ecslog.Version || doc.Log.Logger != "accounts.audit" {
				t.Errorf("%s: ecs.version %q of logger %q, want %q of accounts.audit", name, doc.Version, doc.Log.Logger, ecslog.Version)
			}
			actions[doc.Event.Action] = true
		}
		want := []string{"account.create", "account.update", "account.soft_delete", "account.restore", "account.delete", "account.raw", "session.event", "auditplugin.event"}
		if name == "auditlog" {
			want = []string{"account.create", "account.update", "account.delete", "session.event"}
		}
		for _, action := range want {
			if !actions[action] {
				t.Errorf("%s: no line of %s among %v", name, action, actions)
			}
		}
		if strings.Contains(out.String(), "s-secret") {
			t.Errorf("%s tells a secret:\n%.3000s", name, out)
		}
	}
}

// change makes every kind of record, of values and contexts that are not kind.
func change(t *testing.T, db *gorm.DB, log *auditlog.Logger) {
	t.Helper()
	ctx := audit.WithActor(context.Background(), audit.Actor{ID: "\xff\n", Type: "user", Name: "Ada \u2028"})
	ctx = audit.WithRequest(ctx, audit.Request{ID: strings.Repeat("r", 100_000), IP: "\x00", UserAgent: "\xff\x00\x1b[31m"})
	ctx = audit.WithTrace(audit.WithReason(ctx, "a\nb"), "trace", "span")
	ctx = audit.WithMetadata(ctx, map[string]any{"a.b": map[string]any{"c*d": []any{1}}, "a_b": 1, "": "x", "m\\n": nil})
	db = db.WithContext(ctx)
	a := account{Name: "\xff\"}\n{", Balance: 1e300, Settings: map[string]any{"log.level": "x", "theme": "dark"}, Photo: []byte{0xff, 0}, Password: "s-secret"}
	steps := []func() error{
		func() error { return db.Create(&a).Error },
		func() error { return db.Model(&a).Updates(account{Name: "B", Password: "s-secret-2"}).Error },
		func() error { return db.Delete(&a).Error },
		func() error { return db.Unscoped().Model(&a).Update("deleted_at", nil).Error },
		func() error { return db.Exec("UPDATE accounts SET password = 's-secret\n'").Error },
		func() error { return db.Unscoped().Delete(&a).Error },
		func() error {
			return auditplugin.Event(db, audit.Record{RecordType: "session", Message: "in\n{}", Outcome: audit.Failure})
		},
		func() error { return log.Audit.RecordCreated(ctx, "made", "account", a) },
		func() error {
			return log.Audit.RecordUpdated(ctx, "changed", "account", a, account{Name: "C", Password: "s-secret-3"})
		},
		func() error { return log.Audit.RecordDeleted(ctx, "gone", "account", &a) },
		func() error {
			log.Audit.With("password", "s-secret").WarnContext(ctx, "in\n{}", auditlog.Action("session.event"), auditlog.Stack(), "x", a)
			return nil
		},
	}
	for i, step := range steps {
		if err := step(); err != nil {
			t.Fatalf("step %d: %v", i, err)
		}
	}
}
