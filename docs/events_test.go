package docs_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"path/filepath"
	"testing"

	"gorm.io/driver/sqlite"
	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/auditlog"
	"github.com/gorm-audit/auditplugin/emitter"
)

// TestEventsAreInTheLogAndInTheAuditTable follows the recipes of events.md.
func TestEventsAreInTheLogAndInTheAuditTable(t *testing.T) {
	db, err := gorm.Open(sqlite.Open(filepath.Join(t.TempDir(), "audit.db")), &gorm.Config{})
	if err != nil {
		t.Fatal(err)
	}
	table, err := emitter.Table().Bind(db)
	if err != nil {
		t.Fatal(err)
	}
	var trail bytes.Buffer
	log, err := auditlog.New(slog.Default(), auditlog.WithApplication("accounts"), auditlog.WithWriter(&trail), auditlog.WithEmitter(table),
		auditlog.WithErrorHandler(func(_ context.Context, err error) { t.Error(err) }))
	if err != nil {
		t.Fatal(err)
	}
	ctx := audit.WithRequest(context.Background(), audit.Request{ID: "r1", IP: "192.0.2.1", UserAgent: "curl"})
	log.Audit.InfoContext(audit.WithActor(ctx, audit.Actor{ID: "7", Type: "user"}), "Signed in",
		auditlog.Action("user.sign_in"), auditlog.Category("authentication"), auditlog.Outcome(audit.Success), auditlog.About("user", "7"))
	log.Audit.WarnContext(ctx, "Sign-in refused",
		auditlog.Action("user.sign_in"), auditlog.Category("authentication"), auditlog.Outcome(audit.Failure), auditlog.About("user", "7"), "event.reason", "wrong second factor")
	if err := log.Audit.RecordUpdated(ctx, "Edit made to MFA information", "user", map[string]any{"phone": "1"}, map[string]any{"phone": "2"}, auditlog.ID("7")); err != nil {
		t.Fatal(err)
	}

	type row struct{ ID, Action, Outcome, RecordType, RecordID, Message, Reason, ActorID, RequestID string }
	var rows []row
	if err := db.Table("audit_logs").Select("id, action, outcome, record_type, record_id, message, coalesce(reason, '') AS reason, coalesce(actor_id, '') AS actor_id, request_id").Order("seq").Find(&rows).Error; err != nil {
		t.Fatal(err)
	}
	want := []row{
		{"", "event", "success", "user", "7", "Signed in", "", "7", "r1"},
		{"", "event", "failure", "user", "7", "Sign-in refused", "wrong second factor", "", "r1"},
		{"", "update", "success", "user", "7", "Edit made to MFA information", "", "", "r1"},
	}
	if len(rows) != len(want) {
		t.Fatalf("%d rows, want %d: %+v", len(rows), len(want), rows)
	}
	lines := json.NewDecoder(&trail)
	for i, got := range rows {
		var line struct {
			Event struct{ ID, Outcome, Reason string }
		}
		if err := lines.Decode(&line); err != nil {
			t.Fatal(err)
		}
		if line.Event.ID != got.ID || line.Event.Outcome != got.Outcome || line.Event.Reason != got.Reason {
			t.Errorf("line %d says %+v, its row %+v", i, line.Event, got)
		}
		if got.ID = ""; got != want[i] {
			t.Errorf("row %d is %+v, want %+v", i, got, want[i])
		}
	}
}
