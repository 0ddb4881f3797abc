package alert_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/alert"
	"github.com/gorm-audit/auditplugin/audit"
)

func mfaRule() alert.Rule {
	return alert.When(alert.Model("user"), alert.Column("mfa_phone"), alert.Action(audit.Update)).
		Named("mfa-phone-changed").To("inbox").Severity(alert.Warning)
}

func TestOneMessageForEachChange(t *testing.T) {
	s := newScene(t, []alert.Rule{mfaRule().Link("https://admin.example.com/{{.RecordType}}s/{{.RecordID}}?by={{.ActorName}}")},
		alert.WithModels(&User{}, &Order{}))
	user := User{ID: 7, Name: "Grace", MFAPhone: "+4912345"}
	s.must(s.as("42", "Ada Lovelace", "sign-up").Create(&user))
	s.must(s.as("42", "Ada Lovelace", "ticket 1234").Model(&user).Update("mfa_phone", "+4967890"))
	s.must(s.as("42", "Ada Lovelace", "ticket 1235").Model(&user).Update("name", "Grace Hopper"))
	errBack := errors.New("back")
	err := s.as("42", "Ada Lovelace", "ticket 1236").Transaction(func(tx *gorm.DB) error {
		if err := tx.Model(&user).Update("mfa_phone", "+4900000").Error; err != nil {
			return err
		}
		return errBack
	})
	if !errors.Is(err, errBack) {
		t.Fatal(err)
	}
	m := s.run(1)[0]
	const start = "Ada Lovelace (user 42) changed the MFA phone of user 7: *** → ***; reason: ticket 1234; "
	if !strings.HasPrefix(m.Text, start) || !strings.HasSuffix(m.Text, "UTC") {
		t.Errorf("text %q does not start with %q, or end with a time", m.Text, start)
	}
	// What the engine writes is not itself audited.
	var records int64
	if err := s.Table("audit_logs").Count(&records).Error; err != nil || records != 3 {
		t.Errorf("%d audit records, want 3: %v", records, err)
	}
	if m.Subject != "MFA phone changed: user 7" || m.Severity != alert.Warning || m.Attempt != 1 {
		t.Errorf("%+v", m)
	}
	if want := "https://admin.example.com/users/7?by=Ada%20Lovelace"; m.Link != want {
		t.Errorf("link %q, want %q", m.Link, want)
	}
}

// The relay delivers at least once: the same records again say nothing new.
func TestRedelivery(t *testing.T) {
	s := newScene(t, []alert.Rule{mfaRule()})
	r := record("r1", audit.Update)
	for range 3 {
		if err := s.engine.Emit(t.Context(), []audit.Record{r, r}); err != nil {
			t.Fatal(err)
		}
	}
	s.run(1)
	if err := s.engine.Emit(t.Context(), []audit.Record{r}); err != nil {
		t.Fatal(err)
	}
	s.run(1)
}

func record(id string, action audit.Action) audit.Record {
	return audit.Record{
		ID: id, Time: time.Now().UTC(), Action: action, Outcome: audit.Success, RecordType: "user", Table: "users", RecordID: "7",
		Before: map[string]any{"mfa_phone": "1"}, After: map[string]any{"mfa_phone": "2"}, Changed: []string{"mfa_phone"},
		Changes: []audit.Change{{Path: "mfa_phone", From: "1", To: "2"}}, Actor: audit.Actor{ID: "42"},
	}
}

func TestReplace(t *testing.T) {
	s := newScene(t, nil)
	other := &inbox{}
	channels := map[string]alert.Channel{"inbox": s.inbox, "other": other}
	if err := s.engine.Replace([]alert.Rule{mfaRule().To("nowhere")}, channels); !errors.Is(err, alert.ErrUnknownChannel) || !errors.Is(err, alert.ErrInvalidRule) {
		t.Errorf("a rule for an unknown channel: %v", err)
	}
	if err := s.engine.Replace(nil, channels, alert.WithPoll(time.Second)); !errors.Is(err, alert.ErrInvalidOption) {
		t.Errorf("WithPoll in Replace: %v", err)
	}
	if len(s.engine.Rules()) != 0 {
		t.Error("a refused Replace changed the rules")
	}
	if err := s.engine.Replace([]alert.Rule{mfaRule().To("other")}, channels, alert.WithLabels(map[string]string{"user": "customer"})); err != nil {
		t.Fatal(err)
	}
	if err := s.engine.Emit(t.Context(), []audit.Record{record("r1", audit.Update)}); err != nil {
		t.Fatal(err)
	}
	got := s.run(1)
	if !strings.Contains(got[0].Text, "of customer 7") {
		t.Errorf("the label is not used: %q", got[0].Text)
	}
	if n := len(other.all()); n != 1 {
		t.Errorf("%d messages on the other channel", n)
	}
}
