package auditlog_test

import (
	"context"
	"errors"
	"io"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/auditlog"
	"github.com/gorm-audit/auditplugin/internal/fault"
)

// sink is an emitter from a function.
type sink func(records []audit.Record) error

func (s sink) Emit(_ context.Context, records []audit.Record) error { return s(records) }

// keep is an emitter that keeps what it was given.
func keep(records *[]audit.Record) audit.Emitter {
	return sink(func(r []audit.Record) error {
		*records = append(*records, r...)
		return nil
	})
}

func TestEntriesReachEmittersAsRecords(t *testing.T) {
	var got []audit.Record
	l, _, trail := newLogger(t, auditlog.WithEmitter(keep(&got)), auditlog.WithHashKey(hashKey))
	ctx := audit.WithActor(context.Background(), audit.Actor{ID: "42"})
	if err := l.Audit.RecordUpdated(ctx, "Moved", "user", user{ID: 7, Address: address{City: "Oslo"}, Password: "a"}, user{ID: 7, Address: address{City: "Rome"}, Password: "b"}, "batch", 3); err != nil {
		t.Fatal(err)
	}
	id := at(entry(t, trail), "event.id")
	l.Audit.ErrorContext(ctx, "Access refused", auditlog.Outcome(audit.Failure), auditlog.About("document", "9"), "error", io.EOF)
	if len(got) != 2 {
		t.Fatalf("%d records", len(got))
	}
	r := got[0]
	if r.ID != id || r.Action != audit.Update || r.Outcome != audit.Success || r.RecordType != "user" || r.RecordID != "7" || r.Message != "Moved" ||
		r.Actor.ID != "42" || r.Application != "accounts" || r.SchemaVersion != audit.SchemaVersion || filepath.IsAbs(r.Source.File) || !strings.HasSuffix(r.Source.File, "auditlog/emitter_test.go") {
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

func TestEmittersThatFail(t *testing.T) {
	boom := sink(func([]audit.Record) error { return io.ErrUnexpectedEOF })
	bad := sink(func([]audit.Record) error { panic("x") })
	var got []audit.Record
	var seen error
	l, _, trail := newLogger(t, auditlog.WithEmitter(boom, bad, keep(&got)), auditlog.WithErrorHandler(func(_ context.Context, err error) { seen = err }))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	l.Audit.InfoContext(ctx, "m")
	if !errors.Is(seen, io.ErrUnexpectedEOF) || !errors.Is(seen, fault.ErrPanic) {
		t.Errorf("error handler saw %v", seen)
	}
	if len(got) != 1 || trail.Len() == 0 {
		t.Error("a failing emitter kept the entry from the others")
	}
}
