package integration

import (
	"bytes"
	"context"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/test/integration/oracle"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
	"gorm.io/gorm"
)

func TestContext(t *testing.T) {
	sc := settings()
	sc.options = []testdb.Option{testdb.WithPlugin(auditplugin.WithApplication("shop"))}
	sc.natively(t, func(s *stage) {
		ctx := audit.WithActor(context.Background(), audit.Actor{ID: "42", Type: "user", Name: "Ada"})
		ctx = audit.WithReason(ctx, "ticket 1234")
		ctx = audit.WithMessage(ctx, "Edit made to MFA information")
		ctx = audit.WithMetadata(ctx, map[string]any{"tenant": "north"})
		ctx = audit.WithRequest(ctx, audit.Request{ID: "req-1", IP: "192.0.2.7", UserAgent: "curl\xff"})
		ctx = audit.WithTrace(ctx, strings.Repeat("ab", 16), strings.Repeat("cd", 8))
		s.ok(s.db.WithContext(ctx).Model(&Setting{Name: "a"}).Update("value", "1"))
		e := s.entry(0)
		got := []string{
			e.ActorID, e.ActorType, e.ActorName, e.Reason, e.Message, e.RequestID, e.IP, e.TraceID, e.SpanID,
			e.Application, e.RecordType, e.Table, e.Outcome,
		}
		want := []string{
			"42", "user", "Ada", "ticket 1234", "Edit made to MFA information", "req-1", "192.0.2.7", strings.Repeat("ab", 16),
			strings.Repeat("cd", 8), "shop", "setting", "settings", "success",
		}
		if strings.Join(got, "|") != strings.Join(want, "|") {
			s.Errorf("the entry has\n  %q, want\n  %q", got, want)
		}
		if e.Metadata["tenant"] != "north" || !strings.HasPrefix(e.UserAgent, "curl") {
			s.Errorf("metadata is %v, user agent %q", e.Metadata, e.UserAgent)
		}
		if filepath.Base(e.Source.File) != "context_test.go" || e.Source.Line == 0 || !strings.Contains(e.Source.Function, "TestContext") {
			s.Errorf("the source is %+v", e.Source)
		}
	})
}

func TestActorFunc(t *testing.T) {
	type key struct{}
	sc := settings()
	sc.options = []testdb.Option{testdb.WithPlugin(
		auditplugin.WithActorFunc(func(ctx context.Context) audit.Actor {
			name, _ := ctx.Value(key{}).(string)
			return audit.Actor{ID: name}
		}),
		auditplugin.WithTraceFunc(func(context.Context) (string, string) { return "trace", "span" }),
	)}
	sc.natively(t, func(s *stage) {
		ctx := context.WithValue(context.Background(), key{}, "bea")
		s.try(put(s.db.WithContext(ctx), "x"))
		if e := s.entry(0); e.ActorID != "bea" || e.TraceID != "trace" || e.SpanID != "span" {
			s.Errorf("the entry is %+v", e)
		}
	})
}

func TestRequiredActorAndReason(t *testing.T) {
	sc := scene{models: []any{&Setting{}, &Counter{}}, seed: seedSettings("a")}
	sc.options = []testdb.Option{testdb.WithPlugin(
		auditplugin.WithRequiredActor(&Setting{}), auditplugin.WithRequiredReason("settings"),
	)}
	sc.capture(t, func(s *stage) {
		s.fails(s.db.Model(&Setting{Name: "a"}).Update("value", "1").Error, auditplugin.ErrReasonRequired)
		why := audit.WithReason(context.Background(), "because")
		s.fails(s.db.WithContext(why).Delete(&Setting{Name: "a"}).Error, auditplugin.ErrActorRequired)
		who := audit.WithActor(why, audit.Actor{ID: "1"})
		s.ok(s.db.WithContext(who).Model(&Setting{Name: "a"}).Update("value", "1"))
		s.ok(s.db.Create(&Counter{Name: "free"}))
		s.fails(s.db.Exec("DELETE FROM settings").Error, auditplugin.ErrReasonRequired)
		rows := 0
		for _, e := range s.trail() {
			if e.IsRow() {
				rows++
			} else if e.Outcome != "failure" {
				s.Errorf("the event of a refusal has the outcome %s", e.Outcome)
			}
		}
		if got := tally(s.trail()); rows != 2 || strings.Join(got, ", ") != "1 create counters, 1 update settings, 3 event settings" {
			s.Errorf("recorded are %v", got)
		}
	})
}

// Ledger demands an actor by itself.
type Ledger struct {
	ID    uint
	Total int
}

// AuditName implements the plugin's optional interface.
func (Ledger) AuditName() string { return "bookkeeping" }

// AuditRequires implements the plugin's optional interface.
func (Ledger) AuditRequires() audit.Requirement { return audit.RequireActor }

func TestModelRequires(t *testing.T) {
	scene{models: []any{&Ledger{}}}.natively(t, func(s *stage) {
		s.fails(s.db.Create(&Ledger{Total: 1}).Error, auditplugin.ErrActorRequired)
		ctx := audit.WithActor(context.Background(), audit.Actor{ID: "1"})
		s.ok(s.db.WithContext(ctx).Create(&Ledger{Total: 2}))
		for _, e := range s.trail() {
			if e.RecordType != "bookkeeping" {
				s.Errorf("the record type is %q", e.RecordType)
			}
		}
		if got := tally(s.trail()); strings.Join(got, ", ") != "1 create ledgers, 1 event ledgers" {
			s.Errorf("recorded are %v", got)
		}
	})
}

func TestNoActorWarnsOnce(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		var log bytes.Buffer
		sc := settings()
		s := sc.open(t, g, testdb.WithPlugin(auditplugin.WithLogger(slog.New(slog.NewJSONHandler(&log, nil)))))
		for _, name := range []string{"x", "y", "z"} {
			s.try(put(s.db.DB, name))
		}
		if n := strings.Count(log.String(), "\n"); n != 1 || !strings.Contains(log.String(), `"level":"WARN"`) {
			t.Errorf("%d lines were logged: %s", n, &log)
		}
		s.expect("3 create settings")
		s.judge()
	})
}

func TestSkip(t *testing.T) {
	settings().natively(t, func(s *stage) {
		ctx := audit.Skip(context.Background(), "import of 2019")
		s.ok(s.db.WithContext(ctx).Model(&Setting{}).Where("name IN ?", []string{"a", "b"}).Update("value", "x"))
		s.fails(s.db.WithContext(audit.Skip(context.Background(), "")).Delete(&Setting{Name: "c"}).Error, auditplugin.ErrReasonRequired)
		trail := s.trail()
		if len(trail) != 2 || trail[0].Action != "event" || trail[0].Reason != "import of 2019" || !strings.Contains(trail[0].Message, "2 rows") {
			s.Errorf("the trail is %+v", trail)
		}
		s.oracle = nil // the rows were skipped
	})
}

func TestModelFilters(t *testing.T) {
	models := scene{models: []any{&Setting{}, &Counter{}}}
	write := func(s *stage) {
		s.try(put(s.db.DB, "x"))
		s.ok(s.db.Create(&Counter{Name: "c"}))
		s.ok(s.db.Table("counters").Where("name = ?", "c").Update("hits", 4))
		s.ok(s.db.Exec("UPDATE counters SET hits = 9"))
		s.oracle = nil
	}
	with, without := models, models
	with.options = []testdb.Option{testdb.WithPlugin(auditplugin.WithModels(&Setting{}))}
	without.options = []testdb.Option{testdb.WithPlugin(auditplugin.WithoutModels("counters"))}
	for name, sc := range map[string]scene{"with": with, "without": without} {
		t.Run(name, func(t *testing.T) {
			sc.natively(t, func(s *stage) {
				write(s)
				if got := tally(s.trail()); strings.Join(got, ", ") != "1 create settings" {
					s.Errorf("recorded are %v", got)
				}
			})
		})
	}
}

func TestWithoutColumns(t *testing.T) {
	sc := scene{
		models: people(), seed: seedUsers("a", "b"),
		oracle: []oracle.Option{oracle.Ignored("users.email", "users.note")},
	}
	sc.options = []testdb.Option{testdb.WithPlugin(auditplugin.WithoutColumns("users.email", "note"))}
	sc.capture(t, func(s *stage) {
		s.ok(s.db.Model(&User{ID: 1}).UpdateColumns(map[string]any{"email": "x", "note": "y"}))
		s.ok(s.db.Model(&User{ID: 1}).UpdateColumns(map[string]any{"email": "z", "age": 60}))
		s.ok(s.db.Create(&User{Name: "c", Email: "hidden"}))
		s.ok(s.db.Unscoped().Delete(&User{ID: 2}))
		s.expect("1 update users", "1 create users", "1 delete users")
	})
}

func TestWithoutTimestampOnly(t *testing.T) {
	sc := scene{models: people(), seed: seedUsers("a")}
	sc.options = []testdb.Option{testdb.WithPlugin(auditplugin.WithoutTimestampOnly())}
	sc.capture(t, func(s *stage) {
		s.ok(s.db.Model(&User{ID: 1}).Updates(map[string]any{"name": "a"}))
		s.ok(s.db.Model(&User{ID: 1}).Updates(map[string]any{"name": "b"}))
		if got := tally(s.trail()); strings.Join(got, ", ") != "1 update users" {
			s.Errorf("recorded are %v", got)
		}
		s.oracle = nil // one change was left out
	})
}

func TestEvent(t *testing.T) {
	settings().natively(t, func(s *stage) {
		ctx := audit.WithActor(context.Background(), audit.Actor{ID: "7"})
		s.try(auditplugin.Event(s.db.WithContext(ctx), audit.Record{RecordType: "session", Message: "signed in"}))
		for _, outcome := range []error{errOnPurpose, nil} {
			s.fails(s.db.Transaction(func(tx *gorm.DB) error {
				s.try(auditplugin.Event(tx, audit.Record{RecordType: "export", RecordID: "1"}))
				return outcome
			}), outcome)
		}
		trail := s.trail()
		if len(trail) != 2 || trail[0].Message != "signed in" || trail[0].ActorID != "7" || trail[1].RecordType != "export" {
			s.Errorf("the trail is %+v", trail)
		}
	})
}
