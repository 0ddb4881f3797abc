package auditlog_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"regexp"
	"strings"
	"testing"

	"github.com/gorm-audit/auditplugin/auditlog"
	"github.com/gorm-audit/auditplugin/test/ecsspec"
)

// newLogger returns a logger whose ordinary lines are text in app, at level Error,
// and whose audit lines go to trail.
func newLogger(t *testing.T, opts ...auditlog.Option) (l *auditlog.Logger, app, trail *bytes.Buffer) {
	t.Helper()
	app, trail = &bytes.Buffer{}, &bytes.Buffer{}
	text := slog.New(slog.NewTextHandler(app, &slog.HandlerOptions{Level: slog.LevelInfo}))
	l, err := auditlog.New(text, append([]auditlog.Option{
		auditlog.WithApplication("accounts"), auditlog.WithWriter(trail),
		auditlog.WithErrorHandler(func(_ context.Context, err error) { t.Errorf("error handler: %v", err) }),
	}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	return l, app, trail
}

func match(t *testing.T, pattern, line string) {
	t.Helper()
	if !regexp.MustCompile(pattern).MatchString(line) {
		t.Errorf("\n got %s\nwant %s", line, pattern)
	}
}

// The three lines are those of the design's sample: an ordinary one, a free-text
// audit entry with extra information and a stack, and an edit.
func TestGoldenSampleLines(t *testing.T) {
	spec := ecsspec.Load(t)
	l, app, trail := newLogger(t)

	l.Info("Application started", "port", 8080)
	match(t, `^time=\S+ level=INFO msg="Application started" port=8080\n$`, app.String())
	if trail.Len() != 0 {
		t.Errorf("an ordinary line reached the audit trail: %s", trail)
	}

	l.Audit.Info("Audit trail exported", "rows", 17, auditlog.Stack())
	match(t, `^{"@timestamp":"[-0-9T:.]+Z","log\.level":"info","message":"Audit trail exported","rows":17,"ecs\.version":"1\.6\.0",`+
		`"log":{"logger":"accounts\.audit","origin":{"file":{"line":\d+,"name":"auditlog/golden_test\.go"},"function":"[^"]+TestGoldenSampleLines"},"original":"Audit trail exported"},`+
		`.*"error":{"stack_trace":"[^"]+TestGoldenSampleLines\\n\\t[^"]+golden_test\.go:\d+\\n[^"]+"},.*"process":{"name":"[^"]+","pid":\d+}}\n$`, trail.String())
	if err := spec.Check(trail.Bytes()); err != nil {
		t.Error(err)
	}

	trail.Reset()
	before := map[string]any{"id": 1, "phone": "+1234567890"}
	after := map[string]any{"id": 1, "phone": "+19876543210"}
	if err := l.Audit.RecordUpdated(context.Background(), "Edit made to MFA information", "user", before, after); err != nil {
		t.Fatal(err)
	}
	match(t, `^{"@timestamp":"[-0-9T:.]+Z","log\.level":"info","message":"Edit made to MFA information",`+
		`"changes":{"after":{"phone":"\+19876543210"},"before":{"phone":"\+1234567890"},"record_type":"user"},"ecs\.version":"1\.6\.0",`+
		`"log":{"logger":"accounts\.audit","origin":{"file":{"line":\d+,"name":"auditlog/golden_test\.go"},"function":"[^"]+TestGoldenSampleLines"},"original":"Edit made to MFA information"},`+
		`.*"process":{"name":"[^"]+","pid":\d+}}\n$`, trail.String())
	if err := spec.Check(trail.Bytes()); err != nil {
		t.Error(err)
	}
	if got := strings.Count(app.String(), "\n"); got != 1 {
		t.Errorf("audit entries reached the application's log: %s", app)
	}
}

func TestAuditLinesDoNotDependOnTheApplicationsLevel(t *testing.T) {
	var trail bytes.Buffer
	quiet := slog.New(slog.NewJSONHandler(io.Discard, &slog.HandlerOptions{Level: slog.LevelError + 100}))
	l, err := auditlog.New(quiet, auditlog.WithWriter(&trail))
	if err != nil {
		t.Fatal(err)
	}
	l.Audit.Debug("no")
	l.Audit.Info("one")
	l.Audit.Warn("two")
	l.Audit.Error("three")
	if got := strings.Count(trail.String(), "\n"); got != 3 {
		t.Errorf("%d lines, want 3:\n%s", got, &trail)
	}
}

func TestApplicationLoggerIsUnchanged(t *testing.T) {
	var plain, beside bytes.Buffer
	opts := &slog.HandlerOptions{ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey && len(groups) == 0 {
			return slog.Attr{}
		}
		return a
	}}
	use := func(l *slog.Logger) { l.With("a", 1).WithGroup("g").Warn("x", "b", 2) }
	use(slog.New(slog.NewJSONHandler(&plain, opts)))
	l, err := auditlog.New(slog.New(slog.NewJSONHandler(&beside, opts)), auditlog.WithWriter(io.Discard))
	if err != nil {
		t.Fatal(err)
	}
	use(l.Logger)
	l.With("a", 1).WithGroup("g").Warn("x", "b", 2)
	if want := plain.String() + plain.String(); beside.String() != want {
		t.Errorf("\n got %s\nwant %s", &beside, want)
	}
}
