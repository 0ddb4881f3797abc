package channels

import (
	"strings"
	"testing"

	"github.com/gorm-audit/auditplugin/alert"
)

// Whoever reads a chat sees how much a message matters.
func TestSeverityIsShown(t *testing.T) {
	for severity, want := range map[alert.Severity]string{
		alert.Info: "MFA phone", alert.Warning: "[warning] MFA phone", alert.Critical: "[critical] MFA phone",
	} {
		for _, scheme := range []string{"slack", "teams", "discord", "telegram", "googlechat", "rocketchat"} {
			m := alert.Message{Severity: severity, Subject: "MFA phone", Text: "Ada changed it"}
			text, params := (&service{scheme: scheme}).write(m)
			title, _ := params.Title()
			if shown := title + "\n" + text; !strings.HasPrefix(strings.TrimSpace(shown), want+"\n") {
				t.Errorf("%s, %s: %q", scheme, severity, shown)
			}
		}
		for _, scheme := range []string{"pagerduty", "opsgenie", "generic"} {
			m := alert.Message{Severity: severity, Subject: "MFA phone", Text: "Ada changed it"}
			text, params := (&service{scheme: scheme}).write(m)
			if title, _ := params.Title(); strings.Contains(title+text, "[") {
				t.Errorf("%s has a field for it: %q", scheme, title+text)
			}
		}
	}
}
