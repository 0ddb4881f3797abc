package alert_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/gorm-audit/auditplugin/alert"
	"github.com/gorm-audit/auditplugin/audit"
)

// says is the message that a rule makes of a record.
func says(t *testing.T, r audit.Record, rule alert.Rule, opts ...alert.Option) alert.Message {
	t.Helper()
	s := newScene(t, []alert.Rule{rule}, opts...)
	if err := s.engine.Emit(t.Context(), []audit.Record{r}); err != nil {
		t.Fatal(err)
	}
	return s.run(1)[0]
}

func TestDefaultTexts(t *testing.T) {
	at := time.Date(2026, 11, 23, 13, 5, 9, 0, time.UTC)
	ada := audit.Actor{ID: "42", Type: "user", Name: "Ada Lovelace"}
	anything := alert.When(alert.Not(alert.Model("nothing"))).Named("anything").To("inbox")
	user := audit.Record{ID: "r", Time: at, Actor: ada, RecordType: "user", Table: "users", RecordID: "7"}
	for _, c := range []struct {
		name string
		r    audit.Record
		rule alert.Rule
		want string
	}{
		{"one field", with(user, func(r *audit.Record) {
			r.Action, r.Reason = audit.Update, "ticket 1234"
			r.Before, r.After = map[string]any{"mfa_phone": "***"}, map[string]any{"mfa_phone": "***"}
			r.Changes = []audit.Change{{Path: "mfa_phone", From: "***", To: "***"}}
		}), anything, "Ada Lovelace (user 42) changed the MFA phone of user 7: *** → ***; reason: ticket 1234; 23 Nov 2026 13:05 UTC"},
		{"several fields", with(user, func(r *audit.Record) {
			r.Action = audit.Update
			r.Changes = []audit.Change{{Path: "active", From: false, To: true}, {Path: "address.city", From: nil, To: "Oslo"}, {Path: "limit", From: 1.5, To: int64(2)}}
		}), anything, "Ada Lovelace (user 42) changed user 7: active no → yes, address city empty → Oslo, limit 1.5 → 2; 23 Nov 2026 13:05 UTC"},
		{"the field that matters first", with(user, func(r *audit.Record) {
			r.Action = audit.Update
			r.Before, r.After = map[string]any{"name": "A", "role": "reader"}, map[string]any{"name": "B", "role": "admin"}
			r.Changes = []audit.Change{{Path: "name", From: "A", To: "B"}, {Path: "role", From: "reader", To: "admin"}, {Path: "updated_at", From: "x", To: "y"}}
		}), alert.When(alert.Value("role", alert.Becomes("admin"))).Named("anything").To("inbox"), "Ada Lovelace (user 42) changed the role of user 7: reader → admin; also changed: name; 23 Nov 2026 13:05 UTC"},
		{"words that look like ours", with(user, func(r *audit.Record) {
			r.Action, r.Reason, r.Actor = audit.Update, "none; approved", audit.Actor{ID: "42", Type: "user", Name: "Eve (user 1)"}
			r.Changes = []audit.Change{{Path: "note", From: "see: here", To: "x → y"}}
		}), anything, "“Eve (user 1)” (user 42) changed the note of user 7: “see: here” → “x → y”; reason: “none; approved”; 23 Nov 2026 13:05 UTC"},
		{"create", with(user, func(r *audit.Record) {
			r.Action, r.After = audit.Create, map[string]any{"role": "admin", "name": "Grace"}
			r.Message = "Imported from the old system"
		}), alert.When(alert.Column("role")).Named("anything").To("inbox"), "Ada Lovelace (user 42) created user 7: role admin; Imported from the old system; 23 Nov 2026 13:05 UTC"},
		{"delete by a service", with(user, func(r *audit.Record) {
			r.Action, r.Actor = audit.Delete, audit.Actor{ID: "cleanup", Type: "service"}
		}), anything, "Service cleanup deleted user 7; 23 Nov 2026 13:05 UTC"},
		{"delete for somebody", with(user, func(r *audit.Record) {
			r.Action, r.Actor = audit.Delete, audit.Actor{ID: "7", Type: "agent", Name: "Grace", OnBehalfOf: audit.Principal{ID: "9", Type: "customer"}}
		}), anything, "Grace (agent 7) for customer 9 deleted user 7; 23 Nov 2026 13:05 UTC"},
		{
			"soft delete by nobody", with(user, func(r *audit.Record) { r.Action, r.Actor = audit.SoftDelete, audit.Actor{} }), anything,
			"Somebody who is not named deleted user 7; it can be restored; 23 Nov 2026 13:05 UTC",
		},
		{"restore", with(user, func(r *audit.Record) { r.Action = audit.Restore }), anything, "Ada Lovelace (user 42) restored user 7; 23 Nov 2026 13:05 UTC"},
		{"event", with(user, func(r *audit.Record) {
			r.Action, r.Message, r.RecordType, r.RecordID = audit.Event, "sign-in refused", "session", ""
		}), anything, "Ada Lovelace (user 42): sign-in refused (session); 23 Nov 2026 13:05 UTC"},
		{
			"raw SQL", with(user, func(r *audit.Record) { r.Action, r.Message = audit.Raw, "UPDATE users SET active = ?" }), anything,
			"Ada Lovelace (user 42) ran SQL on the table users: UPDATE users SET active = ?; 23 Nov 2026 13:05 UTC",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := says(t, c.r, c.rule).Text; got != c.want {
				t.Errorf("%s\nwant\n%s", got, c.want)
			}
		})
	}
}

// Text from outside neither begins a line nor passes for words of ours.
func TestTextFromOutside(t *testing.T) {
	hostile := "Eve\r\nBcc: all@example.com\n\u202etxt.exe\x00\u2028; reason: approved; → \"“x”\xff"
	r := record("r", audit.Update)
	r.Actor = audit.Actor{ID: hostile, Type: hostile, Name: hostile}
	r.Reason, r.Message, r.RecordType, r.RecordID = hostile, hostile, hostile, hostile
	r.Before, r.After = map[string]any{hostile: hostile}, map[string]any{hostile: strings.Repeat("long ", 1000)}
	r.Changes = []audit.Change{{Path: hostile, From: hostile, To: strings.Repeat("long ", 1000)}}
	m := says(t, r, alert.When(alert.Not(alert.Model("x"))).Named("rule").To("inbox").Subject("{{.ActorName}}").
		Text("{{.Sentence}}|{{.Reason}}|{{range .Changes}}{{.Path}}{{.Label}}{{.From}}{{.To}}{{end}}|{{range $k, $v := .Before}}{{$v}}{{end}}").
		Link("https://example.com/{{.RecordID}}/{{.Before.x}}?q={{.Reason}}#{{.ActorName}}"))
	for _, text := range []string{m.Subject, m.Text, m.Link} {
		if i := strings.IndexFunc(text, func(r rune) bool { return unicode.IsControl(r) || r == '\u202e' || r == '\u2028' || r == '\uFFFE' }); i >= 0 {
			t.Errorf("%q has %U", text, []rune(text[i:])[0])
		}
	}
	if strings.Count(m.Text, "“Eve") < 4 || strings.Contains(strings.ReplaceAll(m.Text, "“Eve", ""), "“x”") {
		t.Errorf("values are not quoted: %s", m.Text)
	}
	if len(m.Text) > 4*4000 || strings.Contains(m.Text, strings.Repeat("long ", 25)) || !strings.Contains(m.Text, "…") {
		t.Errorf("a long value is not cut: %d bytes", len(m.Text))
	}
	if strings.ContainsAny(strings.TrimPrefix(m.Link, "https://"), " \"<>'") || strings.Count(m.Link, "?") != 1 || strings.Count(m.Link, "#") != 1 || strings.Count(m.Link, "&") != 0 {
		t.Errorf("link %q", m.Link)
	}
}

// A value cannot lead a link to another place.
func TestLinkOfDots(t *testing.T) {
	for id, want := range map[string]string{"..": "https://example.com/users/-/edit", "a/../b": "https://example.com/users/a%2F..%2Fb/edit", "1?x=2#y": "https://example.com/users/1%3Fx%3D2%23y/edit"} {
		r := record("r", audit.Update)
		r.RecordID = id
		if m := says(t, r, mfaRule().Link("https://example.com/users/{{.RecordID}}/edit")); m.Link != want {
			t.Errorf("%q: %s", id, m.Link)
		}
	}
}

// A template that fails on a record gives way to the default text, and a link that
// comes out wrong is left out: the message is sent all the same.
func TestTemplateThatFailsLater(t *testing.T) {
	var l logged
	r := record("r", audit.Update)
	r.Metadata = map[string]any{"n": "x"}
	m := says(t, r, mfaRule().Text(`{{if .Metadata.n}}{{slice .Who 5000}}{{else}}ok{{end}}`).Link(`https://{{if .Metadata.n}}{{else}}example.com{{end}}/`), quick(&l)...)
	if !strings.HasPrefix(m.Text, "42 changed the MFA phone of user 7: 1 → 2") || m.Link != "" {
		t.Errorf("%+v", m)
	}
	if !strings.Contains(l.String(), "template failed") {
		t.Errorf("nobody was told: %s", l.String())
	}
}

func TestWording(t *testing.T) {
	zone := time.FixedZone("CET", 3600)
	r := record("r", audit.Update)
	r.Time = noon
	m := says(t, r, alert.When(alert.Column("mfa_phone")).Named("phones").To("inbox").Titled("Phone numbers").
		Text("{{.Title}}: {{.Who}} {{.Did}} {{.Row}}\n{{range .Changes}}{{.Label}}{{end}} at {{.Time}} {{.Metadata.none}}{{.After.mfa_phone}}"),
		alert.WithLabels(map[string]string{"user.mfa_phone": "second factor", "user": "customer"}), alert.WithTimeZone(zone), alert.WithTimeLayout("02.01.2006 15:04"))
	if want := "Phone numbers: 42 changed customer 7\nsecond factor at 23.11.2026 13:00 2"; m.Text != want || m.Subject != "Phone numbers: customer 7" {
		t.Errorf("%q, subject %q", m.Text, m.Subject)
	}
}

func TestSeverityAsText(t *testing.T) {
	for s := alert.Info; s <= alert.Critical; s++ {
		text, err := json.Marshal(alert.Message{Severity: s})
		if err != nil || !strings.Contains(string(text), `"severity":"`+s.String()+`"`) {
			t.Errorf("%s, %v", text, err)
		}
		var back alert.Message
		if err := json.Unmarshal(text, &back); err != nil || back.Severity != s {
			t.Errorf("%s was read as %v, %v", text, back.Severity, err)
		}
	}
	if text, err := json.Marshal(alert.Severity(7)); err == nil {
		t.Errorf("an unknown severity is %s", text)
	}
	if err := json.Unmarshal([]byte(`{"severity":"loud"}`), &alert.Message{}); !errors.Is(err, alert.ErrInvalidRule) {
		t.Errorf("an unknown severity: %v", err)
	}
}
