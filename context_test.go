package auditplugin_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/audit"
)

func TestContextInRecords(t *testing.T) {
	db, _, memory := audited(t, auditplugin.WithApplication("accounts"),
		auditplugin.WithActorFunc(func(context.Context) audit.Actor { t.Error("asked although the context says"); return audit.Actor{} }),
		auditplugin.WithTraceFunc(func(context.Context) (string, string) { t.Error("asked although the context says"); return "", "" }))
	ctx := audit.WithActor(t.Context(), audit.Actor{ID: "42", Type: "user", Name: "Ada"})
	ctx = audit.WithReason(ctx, "ticket 1234")
	ctx = audit.WithMessage(ctx, "Edit made to MFA information")
	ctx = audit.WithMetadata(ctx, map[string]any{"tenant": "north", "attempt": 1})
	ctx = audit.WithMetadata(ctx, map[string]any{"attempt": 2})
	ctx = audit.WithRequest(ctx, audit.Request{ID: "req-1", IP: "192.0.2.7", UserAgent: "test/1"})
	ctx = audit.WithTrace(ctx, "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331")
	ctx = audit.WithCause(ctx, "018f4a2c-0000-7000-8000-000000000001")
	u := user{Name: "Ada"}
	must(t, db.WithContext(ctx).Create(&u))
	must(t, db.WithContext(ctx).Model(&u).Update("age", 36))
	must(t, db.WithContext(ctx).Exec("UPDATE users SET age = 37"))
	must(t, db.WithContext(ctx).Delete(&u))
	must(t, db.WithContext(ctx).Unscoped().Delete(&u))
	host, _ := os.Hostname()
	for where, records := range map[string][]audit.Record{"table": trail(t, db), "announced": memory.Records()} {
		if len(records) != 5 {
			t.Fatalf("%s: %d records, want 5", where, len(records))
		}
		ids := map[string]bool{}
		for _, r := range records {
			at := fmt.Sprintf("%s: %s", where, r.Action)
			if r.Actor != (audit.Actor{ID: "42", Type: "user", Name: "Ada"}) || r.Reason != "ticket 1234" || r.Cause != "018f4a2c-0000-7000-8000-000000000001" {
				t.Errorf("%s: actor %+v, reason %q, cause %q", at, r.Actor, r.Reason, r.Cause)
			}
			if r.Message != "Edit made to MFA information" && r.Action != audit.Raw {
				t.Errorf("%s: message %q", at, r.Message)
			}
			if r.RequestID != "req-1" || r.IP != "192.0.2.7" || r.UserAgent != "test/1" {
				t.Errorf("%s: request %q %q %q", at, r.RequestID, r.IP, r.UserAgent)
			}
			if r.TraceID != "0af7651916cd43dd8448eb211c80319c" || r.SpanID != "b7ad6b7169203331" {
				t.Errorf("%s: trace %q %q", at, r.TraceID, r.SpanID)
			}
			if r.Application != "accounts" || r.Host != host || r.SchemaVersion != audit.SchemaVersion || r.Outcome != audit.Success {
				t.Errorf("%s: application %q, host %q, version %d, outcome %q", at, r.Application, r.Host, r.SchemaVersion, r.Outcome)
			}
			if r.Metadata["tenant"] != "north" || fmt.Sprint(r.Metadata["attempt"]) != "2" {
				t.Errorf("%s: metadata %v", at, r.Metadata)
			}
			if r.ID == "" || ids[r.ID] || r.TransactionID == "" || r.Time.IsZero() {
				t.Errorf("%s: id %q, transaction %q, time %v", at, r.ID, r.TransactionID, r.Time)
			}
			ids[r.ID] = true
		}
	}
}

type requestKey struct{}

// The application's own context is asked where ours says nothing.
func TestActorAndTraceFunctions(t *testing.T) {
	db, _, memory := audited(t,
		auditplugin.WithActorFunc(func(ctx context.Context) audit.Actor {
			name, _ := ctx.Value(requestKey{}).(string)
			return audit.Actor{Type: "user", Name: name}
		}),
		auditplugin.WithTraceFunc(func(ctx context.Context) (string, string) {
			name, _ := ctx.Value(requestKey{}).(string)
			return "trace of " + name, "span of " + name
		}))
	ctx := context.WithValue(t.Context(), requestKey{}, "Grace")
	must(t, db.WithContext(ctx).Create(&user{Name: "x"}))
	must(t, db.WithContext(audit.WithActor(ctx, audit.Actor{ID: "7"})).Create(&user{Name: "y"}))
	records := memory.Records()
	if got := records[0]; got.Actor.Name != "Grace" || got.TraceID != "trace of Grace" || got.SpanID != "span of Grace" {
		t.Errorf("got %+v, trace %q %q", got.Actor, got.TraceID, got.SpanID)
	}
	if got := records[1].Actor; got != (audit.Actor{ID: "7"}) {
		t.Errorf("the context named 7, the record %+v", got)
	}
}

// Values of a context can not make a write fail or forge a line.
func TestHostileContext(t *testing.T) {
	db, _, memory := audited(t)
	ctx := audit.WithRequest(t.Context(), audit.Request{ID: strings.Repeat("x", 100_000), UserAgent: "\xff\x00'\"\n"})
	ctx = audit.WithReason(ctx, "line\r\n{\"forged\":true}\x00")
	ctx = audit.WithMetadata(ctx, map[string]any{"channel": make(chan int), "self": json.Number("not a number")})
	must(t, db.WithContext(ctx).Create(&user{Name: "Ada"}))
	wantTrail(t, db, memory, "create user 1")
}

// hooked makes a row of its own while it is saved.
type hooked struct {
	ID   uint
	Name string

	line int // of the hook's call
}

func (h *hooked) AfterCreate(tx *gorm.DB) error {
	h.line = line() + 1
	return tx.Create(&pet{Name: "of " + h.Name}).Error
}

func line() int {
	_, _, n, _ := runtime.Caller(1)
	return n
}

func TestSource(t *testing.T) {
	db, _, memory := audited(t)
	if err := db.Migrator().CreateTable(&hooked{}); err != nil {
		t.Fatal(err)
	}
	prepared := db.Session(&gorm.Session{PrepareStmt: true})
	lenient, _, lenientMemory := audited(t, auditplugin.WithFailurePolicy(auditplugin.KeepWrite))
	memoryOf := map[*gorm.DB]func() []audit.Record{db: memory.Records, prepared: memory.Records, lenient: lenientMemory.Records}
	u := user{ID: 9, Name: "Ada"}
	for name, c := range map[string]struct {
		on *gorm.DB
		do func(db *gorm.DB) (int, error) // returns the line of the call
	}{
		"create": {db, func(db *gorm.DB) (int, error) { return line(), db.Create(&user{Name: "x"}).Error }},
		"association": {db, func(db *gorm.DB) (int, error) {
			return line(), db.Create(&user{Name: "x", Pets: []pet{{Name: "Rex"}}}).Error
		}},
		"append": {db, func(db *gorm.DB) (int, error) {
			return line(), db.Model(&u).Association("Pets").Append(&pet{Name: "Rex"})
		}},
		"save": {db, func(db *gorm.DB) (int, error) { return line(), db.Save(&user{Name: "x"}).Error }},
		"batches": {db, func(db *gorm.DB) (int, error) {
			return line(), db.CreateInBatches([]user{{Name: "x"}, {Name: "y"}}, 1).Error
		}},
		"generics": {db, func(db *gorm.DB) (int, error) { return line(), gorm.G[user](db).Create(t.Context(), &user{Name: "x"}) }},
		"raw":      {db, func(db *gorm.DB) (int, error) { return line(), db.Exec("UPDATE users SET age = age + 1").Error }},
		"event":    {db, func(db *gorm.DB) (int, error) { return line(), auditplugin.Event(db, audit.Record{Message: "x"}) }},
		"prepared": {prepared, func(db *gorm.DB) (int, error) { return line(), db.Create(&user{Name: "x"}).Error }},
		"lenient":  {lenient, func(db *gorm.DB) (int, error) { return line(), db.Create(&user{Name: "x"}).Error }},
		"transaction": {db, func(db *gorm.DB) (n int, err error) {
			err = db.Transaction(func(tx *gorm.DB) error {
				n = line() + 1
				return tx.Create(&user{Name: "x"}).Error
			})
			return n, err
		}},
	} {
		t.Run(name, func(t *testing.T) {
			before := len(memoryOf[c.on]())
			want, err := c.do(c.on)
			if err != nil {
				t.Fatal(err)
			}
			records := memoryOf[c.on]()[before:]
			if len(records) == 0 {
				t.Fatal("nothing was recorded")
			}
			for _, r := range records {
				if filepath.Base(r.Source.File) != "context_test.go" || r.Source.Line != want || !strings.Contains(r.Source.Function, "TestSource") {
					t.Errorf("%s of %s: %+v, want line %d", r.Action, r.RecordType, r.Source, want)
				}
			}
		})
	}

	// A hook is the application's own line.
	memory.Reset()
	h := hooked{Name: "h"}
	want := line() + 1
	must(t, db.Create(&h))
	records := memory.Records()
	if len(records) != 2 || records[0].Source.Line != want || records[1].Source.Line != h.line || !strings.Contains(records[1].Source.Function, "AfterCreate") {
		t.Errorf("sources are %+v, want lines %d and %d", records, want, h.line)
	}
}
