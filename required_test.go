package auditplugin_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/audit"
)

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
			var n int64
			must(t, db.Model(model).Count(&n))
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

func TestActorWarningOncePerLine(t *testing.T) {
	var log lines
	db, _, _ := audited(t, auditplugin.WithLogger(textLogger(&log)))
	known := db.WithContext(audit.WithActor(t.Context(), audit.Actor{ID: "1"}))
	must(t, known.Create(&user{Name: "Ada"}))
	if log.String() != "" {
		t.Fatalf("a write with an actor was warned of: %s", log.String())
	}
	for range 3 {
		must(t, db.Create(&user{Name: "Ada"}))
	}
	if n := strings.Count(log.String(), "\n"); n != 1 {
		t.Errorf("%d warnings of one line, want 1:\n%s", n, log.String())
	}
	if text := log.String(); !strings.Contains(text, "level=WARN") || !strings.Contains(text, "required_test.go") || !strings.Contains(text, "model=user") {
		t.Errorf("the warning says %s", text)
	}
	must(t, db.Model(&user{ID: 1}).Update("age", 36))
	if n := strings.Count(log.String(), "\n"); n != 2 {
		t.Errorf("%d warnings of two lines, want 2:\n%s", n, log.String())
	}
}
