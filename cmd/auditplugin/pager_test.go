package main

import (
	"bytes"
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/gorm-audit/auditplugin/cmd/auditplugin/internal/cli"
)

// With --pager, and on a terminal only, another program shows the output: all of it,
// before errors are told. That it leaves early is no failure.
func TestPager(t *testing.T) {
	path := t.TempDir() + "/shop.db"
	must(t, shop(path))
	run := func(width int, program string, args ...string) (code int, out, complaint string) {
		var stdout, stderr bytes.Buffer
		env := map[string]string{"AUDIT_DSN": "sqlite:" + path, "PAGER": program, "PATH": os.Getenv("PATH")}
		a := cli.App{Stdout: &stdout, Stderr: &stderr, Getenv: func(n string) string { return env[n] }, Now: func() time.Time { return now }, Zone: time.UTC, Width: width}
		code = a.Run(context.Background(), args)
		return code, stdout.String(), stderr.String()
	}
	if code, out, complaint := run(80, "tr a-z A-Z", "trail", "users", "1", "--pager"); code != 0 || !strings.Contains(out, "TICKET 1234") || complaint != "" {
		t.Errorf("%d %q %q", code, out, complaint)
	}
	for _, of := range []struct {
		width int
		args  []string
	}{{0, []string{"trail", "users", "1", "--pager"}}, {80, []string{"trail", "users", "1"}}} {
		if code, out, _ := run(of.width, "tr a-z A-Z", of.args...); code != 0 || !strings.Contains(out, "ticket 1234") {
			t.Errorf("%v: %d %q", of, code, out)
		}
	}
	if code, _, complaint := run(80, "true", "search", "--pager", "-o", "text"); code != 0 || complaint != "" {
		t.Errorf("left early: %d %q", code, complaint)
	}
	if code, _, complaint := run(80, "no-such-pager", "search", "--pager"); code != 2 || !strings.Contains(complaint, "$PAGER names another one") {
		t.Errorf("%d %q", code, complaint)
	}
	if code, _, complaint := run(80, "cat", "show", "400", "--pager"); code != 1 || !strings.Contains(complaint, "no record has") {
		t.Errorf("%d %q", code, complaint)
	}
}
