package emitter_test

import (
	"errors"
	"strings"
	"testing"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/emitter"
	"github.com/gorm-audit/auditplugin/emitter/emittertest"
)

// firstTable is a table as the first release made it.
func firstTable(t *testing.T, db *gorm.DB) {
	t.Helper()
	ddl, err := emitter.Schema("sqlite")
	if err != nil {
		t.Fatal(err)
	}
	statements := strings.Split(strings.TrimSpace(ddl), ";\n")
	var lines []string
	for line := range strings.Lines(statements[0]) {
		if !strings.Contains(line, "DEFAULT ''") {
			lines = append(lines, line)
		}
	}
	first := strings.Replace(strings.Join(lines, ""), "NOT NULL,\n)", "NOT NULL\n)", 1)
	for _, statement := range append([]string{first}, statements[1:]...) {
		if strings.Contains(statement, "`tenant`") {
			continue
		}
		if err := db.Exec(strings.TrimSuffix(statement, ";")).Error; err != nil {
			t.Fatal(err)
		}
	}
	if db.Migrator().HasColumn("audit_logs", "tenant") {
		t.Fatal("the table has the column")
	}
	const old = "INSERT INTO audit_logs (id, occurred_at, action, outcome, record_type, table_name, record_id, message, reason, actor_id, actor_type, actor_name, transaction_id, request_id, ip, user_agent, trace_id, span_id, application, host, cause, schema_version)" +
		" VALUES ('old', '2026-01-02 03:04:05.000000+00:00', 'delete', 'success', 'user', 'users', '1', '', '', '', '', '', '', '', '', '', '', '', '', '', '', 1)"
	if err := db.Exec(old).Error; err != nil {
		t.Fatal(err)
	}
}

func TestTableOfEarlierRelease(t *testing.T) {
	db := openFile(t)
	firstTable(t, db)
	_, err := emitter.Table(emitter.NoCreate()).Bind(db)
	if !errors.Is(err, emitter.ErrTableMismatch) || !strings.Contains(err.Error(), "without tenant") || !strings.Contains(err.Error(), "Upgrade") {
		t.Fatalf("without the right to change it: %v", err)
	}
	for _, name := range []string{"new", "again"} {
		e := mustBind(t, emitter.Table(), db)
		if err := e.Emit(t.Context(), emittertest.Records(name, 1)); err != nil {
			t.Fatal(err)
		}
	}
	records := stored(t, db, "audit_logs")
	if len(records) != 3 || records[0].ID != "old" || records[0].Tenant != "" || !records[0].Actor.IsZero() {
		t.Fatalf("read back %+v", records)
	}
	if got := records[1]; got.Tenant != "acme" || got.Actor.SessionID != "s-9" || got.Actor.OnBehalfOf != (audit.Principal{ID: "7", Type: "customer", Name: "Grace"}) {
		t.Errorf("read back %+v", got)
	}
}

// The statements make of the first table what Schema makes.
func TestUpgradeByHand(t *testing.T) {
	db := openFile(t)
	firstTable(t, db)
	statements, err := emitter.Table().Upgrade("sqlite")
	if err != nil {
		t.Fatal(err)
	}
	for statement := range strings.SplitSeq(strings.TrimSpace(statements), ";\n") {
		if err := db.Exec(strings.TrimSuffix(statement, ";")).Error; err != nil {
			t.Fatal(err)
		}
	}
	mustBind(t, emitter.Table(emitter.NoCreate()), db)
	if !db.Migrator().HasIndex("audit_logs", "idx_audit_logs_tenant") {
		t.Error("the index is missing")
	}
	if _, err := emitter.Table().Upgrade("oracle"); !errors.Is(err, emitter.ErrUnknownDialect) {
		t.Errorf("an unknown dialect: %v", err)
	}
}

// A table that is somebody else's is never changed.
func TestForeignTableIsNotUpgraded(t *testing.T) {
	db := openFile(t)
	if err := db.Exec("CREATE TABLE audit_logs (id INTEGER PRIMARY KEY, who TEXT)").Error; err != nil {
		t.Fatal(err)
	}
	if _, err := emitter.Table().Bind(db); !errors.Is(err, emitter.ErrTableMismatch) {
		t.Errorf("error is %v", err)
	}
	if db.Migrator().HasColumn("audit_logs", "tenant") {
		t.Error("the table was changed")
	}
}
