package plugin_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
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

// order demands both by itself.
type order struct {
	ID   uint
	Item string
}

func (order) AuditName() string { return "sales_order" }

func (order) AuditRequires() audit.Requirement { return audit.RequireActor | audit.RequireReason }

func TestRequired(t *testing.T) {
	nobody := context.Background()
	ada := audit.WithActor(nobody, audit.Actor{ID: "1", Name: "Ada"})
	because := audit.WithReason(nobody, "ticket 1234")
	both := audit.WithReason(ada, "ticket 1234")
	skipped := audit.Skip(nobody, "import")
	for name, c := range map[string]struct {
		opts   []auditplugin.Option
		model  func() any
		ctx    context.Context
		want   error
		refers string // what the error names
	}{
		"actor missing":             {[]auditplugin.Option{auditplugin.WithRequiredActor()}, newUser, because, auditplugin.ErrActorRequired, "user"},
		"actor given":               {[]auditplugin.Option{auditplugin.WithRequiredActor()}, newUser, ada, nil, ""},
		"actor without any name":    {[]auditplugin.Option{auditplugin.WithRequiredActor()}, newUser, audit.WithActor(nobody, audit.Actor{}), auditplugin.ErrActorRequired, "user"},
		"actor of another model":    {[]auditplugin.Option{auditplugin.WithRequiredActor(&order{})}, newUser, nobody, nil, ""},
		"actor of the model":        {[]auditplugin.Option{auditplugin.WithRequiredActor("users")}, newUser, nobody, auditplugin.ErrActorRequired, "users"},
		"actor by function":         {[]auditplugin.Option{auditplugin.WithRequiredActor(), auditplugin.WithActorFunc(system)}, newUser, nobody, nil, ""},
		"reason missing":            {[]auditplugin.Option{auditplugin.WithRequiredReason(user{})}, newUser, ada, auditplugin.ErrReasonRequired, "user"},
		"reason given":              {[]auditplugin.Option{auditplugin.WithRequiredReason()}, newUser, because, nil, ""},
		"by method, nobody":         {nil, newOrder, because, auditplugin.ErrActorRequired, "sales_order"},
		"by method, no reason":      {nil, newOrder, ada, auditplugin.ErrReasonRequired, "sales_order"},
		"by method, both":           {nil, newOrder, both, nil, ""},
		"skip with a reason":        {[]auditplugin.Option{auditplugin.WithRequiredReason(), auditplugin.WithRequiredActor()}, newUser, skipped, nil, ""},
		"skip without a reason":     {nil, newUser, audit.Skip(nobody, ""), auditplugin.ErrReasonRequired, "user"},
		"skip hides no earlier why": {nil, newUser, audit.Skip(both, ""), auditplugin.ErrReasonRequired, "user"},
	} {
		t.Run(name, func(t *testing.T) {
			db, _, memory := audited(t, c.opts...)
			if err := db.Migrator().CreateTable(&order{}); err != nil {
				t.Fatal(err)
			}
			model := c.model()
			err := db.WithContext(c.ctx).Create(model).Error
			if !errors.Is(err, c.want) {
				t.Fatalf("the write returned %v, want %v", err, c.want)
			}
			n := count(t, db, model)
			if c.want == nil {
				if n != 1 || len(memory.Records()) != 1 {
					t.Errorf("%d rows and %d records, want one of each", n, len(memory.Records()))
				}
				return
			}
			if text := err.Error(); !strings.Contains(text, c.refers) || !strings.Contains(text, "create") || strings.Contains(text, "value-4711") {
				t.Errorf("the error says %q", text)
			}
			if n != 0 {
				t.Errorf("%d rows were written", n)
			}
			// The refusal itself is on record.
			for where, records := range map[string][]audit.Record{"the table": trail(t, db), "announced": memory.Records()} {
				if len(records) != 1 || records[0].Action != audit.Event || records[0].Outcome != audit.Failure {
					t.Errorf("%s: %+v, want one event", where, records)
				}
			}
		})
	}
}

func newUser() any { return &user{Name: "value-4711"} }

func newOrder() any { return &order{Item: "value-4711"} }

func system(context.Context) audit.Actor { return audit.Actor{ID: "cron", Type: "service"} }

// What was refused outlives the transaction that was rolled back because of it.
func TestRefusalSurvivesRollback(t *testing.T) {
	db, _, memory := audited(t, auditplugin.WithRequiredReason(&pet{}))
	err := db.Transaction(func(tx *gorm.DB) error {
		if err := tx.Create(&user{Name: "Ada"}).Error; err != nil {
			return err
		}
		return tx.Create(&pet{Name: "Rex"}).Error
	})
	if !errors.Is(err, auditplugin.ErrReasonRequired) {
		t.Errorf("the transaction returned %v", err)
	}
	wantTrail(t, db, memory, "event pet")
	if r := memory.Records()[0]; r.TransactionID == "" || !strings.Contains(r.Message, "create of pet refused") {
		t.Errorf("the event is %+v", r)
	}
}

// Reads need neither.
func TestRequiredForWritesOnly(t *testing.T) {
	db, _, memory := audited(t, auditplugin.WithRequiredActor(), auditplugin.WithRequiredReason())
	var users []user
	must(t, db.Find(&users))
	must(t, db.Raw("SELECT * FROM users").Scan(&users))
	memory.AssertNone(t)
}

// The service's own span wins over what its client sent, and not over what the application
// says itself.
func TestTraceOfTheService(t *testing.T) {
	own := "b7ad6b7169203331"
	db, _, memory := audited(t, auditplugin.WithTraceFunc(func(context.Context) (string, string) {
		if own == "" {
			return "", ""
		}
		return "0af7651916cd43dd8448eb211c80319c", own
	}))
	remote := audit.WithRemoteTrace(t.Context(), "client", "sent")
	for _, c := range []struct {
		ctx  context.Context
		own  string
		want string
	}{
		{t.Context(), "1", "1"},
		{remote, "2", "2"},
		{remote, "", "sent"},
		{audit.WithTrace(remote, "application", "says"), "3", "says"},
		{audit.WithRemoteTrace(audit.WithTrace(t.Context(), "application", "says"), "client", "sent"), "4", "says"},
	} {
		own = c.own
		memory.Reset()
		must(t, db.WithContext(c.ctx).Create(&user{Name: "x"}))
		if got := memory.Records()[0].SpanID; got != c.want {
			t.Errorf("the span is %q, want %q", got, c.want)
		}
	}
}

// A type says what acted. Who is an ID or a name.
func TestActorWithoutIDAndName(t *testing.T) {
	var actor audit.Actor
	db, _, memory := audited(t, auditplugin.WithRequiredActor(), auditplugin.WithActorFunc(func(context.Context) audit.Actor { return actor }))
	for _, nobody := range []audit.Actor{{}, {Type: "user"}, {ID: " ", Type: "user"}, {Name: "\t"}} {
		actor = nobody
		for how, ctx := range map[string]context.Context{"function": t.Context(), "context": audit.WithActor(t.Context(), nobody)} {
			if err := db.WithContext(ctx).Create(&user{Name: "x"}).Error; !errors.Is(err, auditplugin.ErrActorRequired) {
				t.Errorf("%+v by the %s: %v", nobody, how, err)
			}
		}
	}
	memory.Reset()
	for _, somebody := range []audit.Actor{{ID: "7"}, {Name: "Ada"}, {ID: "0", Type: "user"}} {
		actor = somebody
		must(t, db.Create(&user{Name: "x"}))
	}
	memory.AssertCount(t, 3)
}
