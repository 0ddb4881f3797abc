package alert_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gorm-audit/auditplugin/alert"
	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/emitter"
)

func update(changes ...audit.Change) audit.Record {
	r := record("r", audit.Update)
	r.Before, r.After, r.Changed, r.Changes = map[string]any{}, map[string]any{}, nil, changes
	for _, c := range changes {
		column, rest, nested := strings.Cut(c.Path, ".")
		r.Changed = append(r.Changed, column)
		if nested {
			r.Before[column], r.After[column] = map[string]any{rest: c.From}, map[string]any{rest: c.To}
		} else {
			r.Before[column], r.After[column] = c.From, c.To
		}
	}
	return r
}

func with(r audit.Record, change func(*audit.Record)) audit.Record {
	change(&r)
	return r
}

func after(r audit.Record, d time.Duration) audit.Record {
	r.Time = r.Time.Add(d)
	return r
}

// Which records each condition holds for, as an engine sees it.
func TestConditions(t *testing.T) {
	phone := update(audit.Change{Path: "mfa_phone", From: "***", To: "***"})
	role := update(audit.Change{Path: "role", From: "reader", To: "admin"})
	balance := update(audit.Change{Path: "balance", From: json.Number("10.50"), To: json.Number("-3")})
	city := update(audit.Change{Path: "address.city", From: "Rome", To: "Oslo"})
	created := audit.Record{ID: "c", Time: time.Now(), Action: audit.Create, RecordType: "user", Table: "users", RecordID: "7", After: map[string]any{"role": "admin", "mfa_phone": nil, "active": int64(1)}}
	event := audit.Record{ID: "e", Time: time.Now(), Action: audit.Event, Outcome: audit.Failure, RecordType: "session", Message: "sign-in refused", Metadata: map[string]any{"client": map[string]any{"kind": "batch"}}}
	whole := update(audit.Change{Path: "address", From: nil, To: map[string]any{"city": "Oslo"}})
	night := with(role, func(r *audit.Record) { r.Time = time.Date(2026, 11, 22, 23, 30, 0, 0, time.UTC) }) // a Sunday
	long := strings.Repeat("x", 300)
	owner := with(role, func(r *audit.Record) { r.Actor.ID = "7" })

	for _, c := range []struct {
		name      string
		condition alert.Condition
		yes, no   []audit.Record
	}{
		{"model", alert.Model("user"), []audit.Record{phone}, []audit.Record{event}},
		{"table", alert.Table("orders", "users"), []audit.Record{phone}, []audit.Record{event}},
		{"action", alert.Action(audit.Create, audit.Delete), []audit.Record{created}, []audit.Record{phone}},
		{"outcome", alert.Outcome(audit.Failure), []audit.Record{event}, []audit.Record{phone}},
		{"actor", alert.ActorID("42"), []audit.Record{phone}, []audit.Record{created, owner}},
		{"not the owner", alert.NotOwner(), []audit.Record{phone, created}, []audit.Record{owner}},
		{"no actor", alert.NoActor(), []audit.Record{created}, []audit.Record{phone}},
		{"no reason", alert.NoReason(), []audit.Record{phone}, []audit.Record{with(phone, func(r *audit.Record) { r.Reason = "ticket 1" })}},
		{"reason matches", alert.ReasonMatches(`^ticket \d+$`), []audit.Record{with(phone, func(r *audit.Record) { r.Reason = "ticket 1" })}, []audit.Record{phone}},
		{"message matches", alert.MessageMatches("refused"), []audit.Record{event}, []audit.Record{phone}},
		{"record id", alert.RecordID("7"), []audit.Record{phone}, []audit.Record{event}},
		{"an id that the table cuts", alert.RecordID(long), []audit.Record{with(phone, func(r *audit.Record) { r.RecordID = emitter.StoredText("record_id", long) })}, []audit.Record{phone}},
		{"a masked column", alert.Column("mfa_phone"), []audit.Record{phone, with(phone, func(r *audit.Record) { r.Changes = nil })}, []audit.Record{role, created}},
		{"a JSON column", alert.Column("address"), []audit.Record{city, whole}, []audit.Record{role}},
		{"a path", alert.Column("address.city"), []audit.Record{city, whole}, []audit.Record{role}},
		{"another path", alert.Column("address.street"), nil, []audit.Record{city, whole}},
		{"becomes", alert.Value("role", alert.Becomes("admin")), []audit.Record{role, created}, []audit.Record{phone, update(audit.Change{Path: "role", From: "admin", To: "reader"})}},
		{"becomes one of", alert.Value("role", alert.Becomes("admin", "owner")), []audit.Record{role}, []audit.Record{update(audit.Change{Path: "role", From: "admin", To: "owner"})}},
		{"was and is", alert.Value("role", alert.Was("reader"), alert.Is("admin")), []audit.Record{role}, []audit.Record{created}},
		{"below", alert.Value("balance", alert.Below(0)), []audit.Record{balance}, []audit.Record{role}},
		{"above", alert.Value("balance", alert.Above(-4)), []audit.Record{balance}, []audit.Record{role, update(audit.Change{Path: "balance", From: "1", To: "-4.00"})}},
		{"above, text", alert.Value("balance", alert.Above(99.5)), []audit.Record{update(audit.Change{Path: "balance", From: "1", To: "99.51"})}, []audit.Record{balance}},
		{"is a number", alert.Value("balance", alert.Is(-3.0)), []audit.Record{balance, update(audit.Change{Path: "balance", From: "1", To: "-3.00"})}, []audit.Record{role}},
		{"is true", alert.Value("active", alert.Is(true)), []audit.Record{created}, []audit.Record{role}},
		{"is null", alert.Value("mfa_phone", alert.Is(nil)), []audit.Record{created}, []audit.Record{phone, role}},
		{"matches", alert.Value("address.city", alert.Matches("(?i)^os")), []audit.Record{city, whole}, []audit.Record{role}},
		{"metadata", alert.Metadata("client.kind", alert.Is("batch")), []audit.Record{event}, []audit.Record{role}},
		{
			"during", alert.During(alert.Between("22:00", "06:00").On(time.Sunday)),
			[]audit.Record{night, after(night, 6*time.Hour+29*time.Minute)},
			[]audit.Record{after(night, 6*time.Hour+30*time.Minute), after(night, -18*time.Hour), after(night, 24*time.Hour)},
		},
		{"not", alert.Not(alert.Model("user")), []audit.Record{event}, []audit.Record{phone}},
		{"any", alert.Any(alert.Column("role"), alert.Action(audit.Event)), []audit.Record{event, role}, []audit.Record{phone}},
		{"all", alert.All(alert.Column("role"), alert.ActorID("7")), []audit.Record{owner}, []audit.Record{role}},
	} {
		t.Run(c.name, func(t *testing.T) {
			e, err := alert.New(openDB(t), []alert.Rule{alert.When(c.condition).Named("rule").To("inbox")}, map[string]alert.Channel{"inbox": &inbox{}})
			if err != nil {
				t.Fatal(err)
			}
			for want, records := range map[bool][]audit.Record{true: c.yes, false: c.no} {
				for i, r := range records {
					r.ID = fmt.Sprint(want, i)
					before := waiting(t, e)
					if err := e.Emit(t.Context(), []audit.Record{r}); err != nil {
						t.Fatal(err)
					}
					if got := waiting(t, e) > before; got != want {
						t.Errorf("%v record %d: the rule applies: %v", want, i, got)
					}
				}
			}
		})
	}
}

func waiting(t *testing.T, e *alert.Engine) int {
	t.Helper()
	stats, err := e.Stats(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, s := range stats {
		n += s.Waiting
	}
	return n
}

// What is wrong with a rule is said when it is given, all at once.
func TestInvalidRules(t *testing.T) {
	db := openDB(t)
	ok := alert.When(alert.Model("user")).Named("rule").To("inbox")
	for _, c := range []struct {
		name string
		rule alert.Rule
		says string
		is   error
	}{
		{"no name", ok.Named(" "), "name: it is empty", nil},
		{"control characters", ok.Named("a\nb"), "control characters", nil},
		{"no channel", alert.When(alert.Model("user")).Named("rule"), "no channel", nil},
		{"channel twice", ok.To("inbox"), "twice", nil},
		{"unknown channel", ok.To("elsewhere"), `"elsewhere"`, alert.ErrUnknownChannel},
		{"no conditions", alert.When().Named("rule").To("inbox"), "no conditions", nil},
		{"zero rule", alert.Rule{}.Named("rule").To("inbox"), "no conditions", nil},
		{"nil condition", alert.When(nil).Named("rule").To("inbox"), "a condition is nil", nil},
		{"empty model", alert.When(alert.Model("")).Named("rule").To("inbox"), "model: an empty name", nil},
		{"unknown model", alert.When(alert.Model("usr")).Named("rule").To("inbox"), `"usr"`, alert.ErrUnknownModel},
		{"unknown table", alert.When(alert.Table("usrs")).Named("rule").To("inbox"), `"usrs"`, alert.ErrUnknownModel},
		{"unknown column", alert.When(alert.Model("user"), alert.Column("mfa_fone")).Named("rule").To("inbox"), `"mfa_fone"`, alert.ErrUnknownColumn},
		{"column of another model", alert.When(alert.Model("user"), alert.Any(alert.Column("name"), alert.Value("amount", alert.Above(1)))).Named("rule").To("inbox"), `"amount"`, alert.ErrUnknownColumn},
		{"unknown column of any", alert.When(alert.Column("nothing.like.it")).Named("rule").To("inbox"), `"nothing.like.it"`, alert.ErrUnknownColumn},
		{"unknown action", alert.When(alert.Action("upsert")).Named("rule").To("inbox"), `"upsert"`, nil},
		{"bad expression", alert.When(alert.ReasonMatches("(")).Named("rule").To("inbox"), "missing closing", nil},
		{"no predicate", alert.When(alert.Value("role")).Named("rule").To("inbox"), "no predicate", nil},
		{"empty predicate", alert.When(alert.Value("role", alert.Predicate{})).Named("rule").To("inbox"), "predicate", nil},
		{"no values", alert.When(alert.Value("role", alert.Is())).Named("rule").To("inbox"), "no values", nil},
		{"bad hours", alert.When(alert.During(alert.Between("7", "25:00"))).Named("rule").To("inbox"), "no time of day", nil},
		{"no hours", alert.When(alert.During(alert.Hours{})).Named("rule").To("inbox"), "Between", nil},
		{"empty hours", alert.When(alert.During(alert.Between("07:00", "07:00"))).Named("rule").To("inbox"), "no span of time", nil},
		{"nil zone", alert.When(alert.During(alert.Between("07:00", "08:00").In(nil))).Named("rule").To("inbox"), "time zone is nil", nil},
		{"count without window", alert.When(alert.Model("user"), alert.MoreThan(3)).Named("rule").To("inbox"), "window", nil},
		{"count inside", alert.When(alert.Any(alert.Model("user"), alert.MoreThan(3).In(time.Minute))).Named("rule").To("inbox"), "beside", nil},
		{"two counts", alert.When(alert.MoreThan(3).In(time.Minute), alert.MoreThan(4).In(time.Hour)).Named("rule").To("inbox"), "more than one count", nil},
		{"unknown group", alert.When(alert.MoreThan(3).In(time.Minute).By(alert.Group(99))).Named("rule").To("inbox"), "unknown group", nil},
		{"template that does not parse", ok.Text("{{.Who"), "unclosed action", nil},
		{"template with an unknown field", ok.Text("{{.Whom}}"), "Whom", nil},
		{"subject with an unknown field", ok.Subject("{{.Subject}}"), "Subject", nil},
		{"link without a scheme", ok.Link("admin.example.com/{{.RecordID}}"), "http", nil},
		{"link to files", ok.Link("ftp://example.com/{{.RecordID}}"), "http", nil},
		{"link to a script", ok.Link("javascript:alert({{.RecordID}})"), "http", nil},
		{"link whose host comes from data", ok.Link("{{.RecordID}}"), "http", nil},
		{"short digest", ok.Digest(time.Millisecond), "digest", nil},
		{"negative dedupe", ok.Dedupe(-time.Hour), "dedupe", nil},
		{"throttle without a time", ok.Throttle(3, 0), "throttle", nil},
		{"throttle and digest", ok.Throttle(3, time.Hour).Digest(time.Hour), "cannot be combined", nil},
		{"severity", ok.Severity(9), "severity", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := alert.New(db, []alert.Rule{c.rule}, map[string]alert.Channel{"inbox": &inbox{}}, alert.WithModels(&User{}, &Order{}))
			if !errors.Is(err, alert.ErrInvalidRule) || c.is != nil && !errors.Is(err, c.is) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v; it should say %q and be %v", err, c.says, c.is)
			}
		})
	}
	t.Run("all at once", func(t *testing.T) {
		_, err := alert.New(db, []alert.Rule{ok, ok, ok.Named("other").To("nowhere").Severity(5)}, map[string]alert.Channel{"inbox": &inbox{}, "": nil})
		for _, part := range []string{`"rule" is used twice`, `"nowhere"`, "severity 5", "channel name: it is empty", `channel "" is nil`} {
			if err == nil || !strings.Contains(err.Error(), part) {
				t.Errorf("%v\ndoes not say %s", err, part)
			}
		}
	})
	if db.Migrator().HasTable(alert.DefaultTable) {
		t.Error("a refused engine created its table")
	}
}
