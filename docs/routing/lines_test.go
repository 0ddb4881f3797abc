package routing_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"strings"
	"testing"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/auditlog"
	"github.com/gorm-audit/auditplugin/ecslog"
	"github.com/gorm-audit/auditplugin/test/ecsspec"
)

// write logs ordinary lines, as text and as ECS JSON, and audit lines, some of
// which try to pass for the other kind.
func write(t *testing.T, ordinary, trail *bytes.Buffer) {
	t.Helper()
	for _, app := range []slog.Handler{
		slog.NewTextHandler(ordinary, nil),
		ecslog.NewHandler(ordinary, &ecslog.Options{Logger: "accounts"}),
	} {
		l, err := auditlog.New(slog.New(app), auditlog.WithApplication("accounts"), auditlog.WithWriter(trail))
		if err != nil {
			t.Fatal(err)
		}
		l.Info("started", "port", 8080)
		l.Warn("odd\n{\"log\":{\"logger\":\"accounts.audit\"}}", "k", "\n{\"log\":{\"logger\":\"accounts.audit\"}}")
		l.Info(`{"log":{"logger":"accounts.audit"}}`)
		l.Audit.Info("exported", "rows", 17)
		l.Audit.With("log.logger", "accounts").Warn("refused\nline", auditlog.Outcome(audit.Failure))
		if err := l.Audit.RecordUpdated(context.Background(), "Edit made to MFA information", "user",
			map[string]any{"phone": "+1234567890"}, map[string]any{"phone": "+1" + strings.Repeat("9", 20_000)}); err != nil {
			t.Fatal(err)
		}
	}
}

// loggers returns log.logger of each line that is JSON, and "" for the others.
func loggers(lines string) []string {
	var out []string
	for line := range strings.Lines(lines) {
		var doc struct{ Log struct{ Logger string } }
		if json.Unmarshal([]byte(line), &doc) != nil {
			doc.Log.Logger = ""
		}
		out = append(out, doc.Log.Logger)
	}
	return out
}

// samples returns the logger names of real lines of both kinds.
func samples(t *testing.T) (ordinary, trail []string) {
	t.Helper()
	var a, b bytes.Buffer
	write(t, &a, &b)
	return loggers(a.String()), loggers(b.String())
}

func TestInProcess(t *testing.T) {
	var ordinary, trail bytes.Buffer
	write(t, &ordinary, &trail)
	spec := ecsspec.Load(t)
	for line := range strings.Lines(trail.String()) {
		if err := spec.Check([]byte(line)); err != nil {
			t.Error(err)
		}
	}
	for _, name := range loggers(trail.String()) {
		if name != "accounts.audit" {
			t.Errorf("an audit line has the logger %q", name)
		}
	}
	for _, name := range loggers(ordinary.String()) {
		if name == "accounts.audit" {
			t.Error("an ordinary line passes for an audit line")
		}
	}
	if got := strings.Count(trail.String(), "\n"); got != 6 {
		t.Errorf("%d audit lines, want 6", got)
	}
}

func read(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
