package audithttp_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gorm-audit/auditplugin/audithttp"
)

func probe(h http.Handler) (int, string) {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/ready", nil))
	return w.Code, w.Body.String()
}

func TestHealthAnswers(t *testing.T) {
	var log bytes.Buffer
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
	defer slog.SetDefault(before)

	well := audithttp.Check{Name: "audit", Ask: func(context.Context) error { return nil }}
	ill := audithttp.Check{Name: "relay", Ask: func(context.Context) error { return errors.New("secret-4711") }}
	panics := audithttp.Check{Name: "odd\nname", Ask: func(context.Context) error { panic("secret-4711") }}
	for name, c := range map[string]struct {
		checks []audithttp.Check
		code   int
		body   string
	}{
		"no check":    {nil, 200, ""},
		"well":        {[]audithttp.Check{well, well}, 200, "audit: ok\naudit: ok\n"},
		"one fails":   {[]audithttp.Check{ill, well}, 503, "relay: failing\naudit: ok\n"},
		"one panics":  {[]audithttp.Check{well, panics}, 503, "audit: ok\nodd name: failing\n"},
		"no question": {[]audithttp.Check{{Name: "audit"}}, 503, "audit: failing\n"},
	} {
		if code, body := probe(audithttp.Health(c.checks...)); code != c.code || body != c.body {
			t.Errorf("%s: %d %q, want %d %q", name, code, body, c.code, c.body)
		}
	}
	if text := log.String(); !strings.Contains(text, "check=relay error=secret-4711") || strings.Count(text, "secret-4711") != 1 {
		t.Errorf("the log says %s", text)
	}
}

func TestHealthChecksHaveADeadline(t *testing.T) {
	probe(audithttp.Health(audithttp.Check{Name: "audit", Ask: func(ctx context.Context) error {
		if _, ok := ctx.Deadline(); !ok {
			t.Error("no deadline")
		}
		return nil
	}}))
}

func ExampleHealth() {
	var down error
	ready := audithttp.Health(audithttp.Check{Name: "audit", Ask: func(context.Context) error { return down }}) // plugin.Health

	for _, down = range []error{nil, context.DeadlineExceeded} {
		w := httptest.NewRecorder()
		ready.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/ready", nil))
		fmt.Print(w.Code, " ", w.Body)
	}
	// Output:
	// 200 audit: ok
	// 503 audit: failing
}
