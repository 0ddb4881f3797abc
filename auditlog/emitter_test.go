package auditlog_test

import (
	"context"
	"errors"
	"io"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"gorm.io/driver/sqlite"
	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/auditlog"
	"github.com/gorm-audit/auditplugin/emitter"
)

func TestEntriesReachEmittersAsRecords(t *testing.T) {
	memory := emitter.Memory()
	l, _, trail := newLogger(t, auditlog.WithEmitter(memory), auditlog.WithHashKey(hashKey))
	ctx := audit.WithActor(context.Background(), audit.Actor{ID: "42"})
	if err := l.Audit.RecordUpdated(ctx, "Moved", "user", user{ID: 7, Address: address{City: "Oslo"}, Password: "a"}, user{ID: 7, Address: address{City: "Rome"}, Password: "b"}, "batch", 3); err != nil {
		t.Fatal(err)
	}
	id := at(entry(t, trail), "event.id")
	l.Audit.ErrorContext(ctx, "Access refused", auditlog.Outcome(audit.Failure), auditlog.About("document", "9"), "error", io.EOF)
	got := memory.Records()
	if len(got) != 2 {
		t.Fatalf("%d records", len(got))
	}
	r := got[0]
	if r.ID != id || r.Action != audit.Update || r.Outcome != audit.Success || r.RecordType != "user" || r.RecordID != "7" || r.Message != "Moved" ||
		r.Actor.ID != "42" || r.Application != "accounts" || r.SchemaVersion != audit.SchemaVersion || !strings.HasSuffix(r.Source.File, "emitter_test.go") {
		t.Errorf("record is %+v", r)
	}
	want := []audit.Change{{Path: "address.City", From: "Oslo", To: "Rome"}, {Path: "password", From: "***", To: "***"}}
	if !reflect.DeepEqual(r.Changes, want) || !reflect.DeepEqual(r.Changed, []string{"address", "password"}) || !reflect.DeepEqual(r.Metadata, map[string]any{"batch": int64(3)}) {
		t.Errorf("changes %+v, changed %v, metadata %+v", r.Changes, r.Changed, r.Metadata)
	}
	if r = got[1]; r.Action != audit.Event || r.Outcome != audit.Failure || r.RecordType != "document" || r.RecordID != "9" || r.Metadata["error"] != "EOF" {
		t.Errorf("event is %+v", r)
	}
}

func TestManualEntriesAreInTheAuditTable(t *testing.T) {
	db, err := gorm.Open(sqlite.Open(filepath.Join(t.TempDir(), "audit.db")), &gorm.Config{})
	if err != nil {
		t.Fatal(err)
	}
	table, err := emitter.Table().Bind(db)
	if err != nil {
		t.Fatal(err)
	}
	l, _, trail := newLogger(t, auditlog.WithEmitter(table))
	l.Audit.Info("Signed in", auditlog.Action("user.sign_in"), auditlog.Outcome(audit.Success), auditlog.About("user", "7"))
	var row struct{ ID, Action, Outcome, RecordType, RecordID, Message string }
	if err := db.Table("audit_logs").Take(&row).Error; err != nil {
		t.Fatal(err)
	}
	if row.ID != at(entry(t, trail), "event.id") || row.Action != "event" || row.Outcome != "success" || row.RecordType != "user" || row.RecordID != "7" || row.Message != "Signed in" {
		t.Errorf("row is %+v", row)
	}
}

func TestEmittersThatFail(t *testing.T) {
	boom := emitter.Func(func(context.Context, []audit.Record) error { return io.ErrUnexpectedEOF })
	bad := emitter.Func(func(context.Context, []audit.Record) error { panic("x") })
	memory := emitter.Memory()
	var seen error
	l, _, trail := newLogger(t, auditlog.WithEmitter(boom, bad, memory), auditlog.WithErrorHandler(func(_ context.Context, err error) { seen = err }))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	l.Audit.InfoContext(ctx, "m")
	if !errors.Is(seen, io.ErrUnexpectedEOF) || !strings.Contains(seen.Error(), "panicked") {
		t.Errorf("error handler saw %v", seen)
	}
	if len(memory.Records()) != 1 || trail.Len() == 0 {
		t.Error("a failing emitter kept the entry from the others")
	}
}
