package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gorm-audit/auditplugin/cmd/auditplugin/internal/cli"
)

// What the settings say of times holds until a flag says otherwise.
func TestSettingsOfTimes(t *testing.T) {
	folder := t.TempDir()
	must(t, shop(filepath.Join(folder, "shop.db")))
	file := filepath.Join(folder, "auditplugin.yaml")
	must(t, os.WriteFile(file, []byte("utc: true\n"), 0o600))
	for want, more := range map[string][]string{"2026-11-15 08:00:00Z": nil, "2026-11-15 13:00:00+05:00": {"--utc=false"}} {
		var out bytes.Buffer
		a := cli.App{Stdout: &out, Stderr: &out, Getenv: func(string) string { return "" }, Now: func() time.Time { return now }, Zone: time.FixedZone("", 5*60*60)}
		args := append([]string{"search", "-n", "1", "-o", "table", "--config", file, "--dsn", "sqlite:" + filepath.Join(folder, "shop.db")}, more...)
		if code := a.Run(t.Context(), args); code != 0 || !strings.Contains(out.String(), want) {
			t.Errorf("%v: no %q: %d %s", more, want, code, out.String())
		}
	}
}
