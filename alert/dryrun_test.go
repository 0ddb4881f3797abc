package alert_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/gorm-audit/auditplugin/alert"
	"github.com/gorm-audit/auditplugin/audit"
)

// A dry run over past records finds what was sent when they were new.
func TestDryRunAgreesWithWhatWasSent(t *testing.T) {
	rules := []alert.Rule{
		mfaRule(),
		mfaRule().Named("digest").Digest(3 * time.Second),
		mfaRule().Named("once").Dedupe(time.Hour),
		mfaRule().Named("some").Throttle(2, 3*time.Second),
		deletions(3),
		alert.When(alert.Value("role", alert.Becomes("admin"))).Named("admins").To("inbox"),
	}
	s := newScene(t, rules)
	begin := time.Now()
	for i := 1; i <= 6; i++ {
		user := User{ID: uint(i), Role: "admin"}
		s.must(s.as("1", "Ada", "r").Create(&user))
		s.must(s.as("1", "Ada", "r").Model(&user).Update("mfa_phone", fmt.Sprint("+49", i)))
		s.must(s.as("1", "Ada", "r").Model(&user).Update("mfa_phone", fmt.Sprint("+48", i)))
	}
	for i := 1; i <= 6; i++ {
		s.must(s.as("1", "Ada", "r").Delete(&User{}, i))
	}
	live := s.run(12 + 1 + 6 + 3 + 1 + 6)

	report, err := alert.DryRun(t.Context(), s.DB, rules, begin.Add(-time.Minute), time.Now().Add(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	keys := func(messages []alert.Message) []string {
		var out []string
		for _, m := range messages {
			out = append(out, fmt.Sprintf("%s %s %q %q %q", m.ID, m.Rule, m.Subject, m.Text, m.Records))
		}
		slices.Sort(out)
		return out
	}
	var planned []alert.Message
	for _, m := range report.Messages {
		planned = append(planned, m.Message)
	}
	if got, want := keys(planned), keys(live); !slices.Equal(got, want) {
		t.Errorf("planned\n%q\nsent\n%q", got, want)
	}
	// The second change of each phone, and two deletions after the one told of.
	if report.Records != 24 || len(report.Suppressed) != 6+2 {
		t.Errorf("%d records, %d suppressed", report.Records, len(report.Suppressed))
	}
	// Nothing was written, and other times have other records.
	if n := waiting(t, s.engine); n != 0 {
		t.Errorf("%d rows were written", n)
	}
	none, err := alert.DryRun(t.Context(), s.DB, rules, begin.AddDate(0, 0, -7), begin.Add(-time.Minute))
	if err != nil || none.Records != 0 || len(none.Messages) != 0 {
		t.Errorf("%+v, %v", none, err)
	}
	if _, err := alert.DryRun(t.Context(), s.DB, []alert.Rule{mfaRule().Named("")}, begin, begin); !errors.Is(err, alert.ErrInvalidRule) {
		t.Errorf("a bad rule: %v", err)
	}
}

// It pages through more records than it reads at a time, and goes on after one that
// it cannot read.
func TestDryRunPages(t *testing.T) {
	s := newScene(t, nil)
	users := make([]User, 1203)
	for i := range users {
		users[i].ID = uint(i + 1)
	}
	s.must(s.as("1", "Ada", "r").CreateInBatches(&users, 300))
	if err := s.Exec("UPDATE audit_logs SET metadata = '{' WHERE seq = 700").Error; err != nil {
		t.Fatal(err)
	}
	report, err := alert.DryRun(t.Context(), s.DB, []alert.Rule{
		alert.When(alert.Action(audit.Create)).Named("created").To("anywhere").Digest(time.Hour),
	}, time.Now().Add(-time.Hour), time.Now().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if report.Records != 1203 || report.Unreadable != 1 || len(report.Messages) != 2 || len(report.Messages[0].Records)+len(report.Messages[1].Records) != 1202 {
		t.Errorf("%d records, %d unreadable, %d messages", report.Records, report.Unreadable, len(report.Messages))
	}
}
