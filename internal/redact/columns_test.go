package redact_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/gorm-audit/auditplugin/internal/redact"
)

// The columns are those of applications that use GORM; "-" marks names from other sources.
func TestRealColumns(t *testing.T) {
	text, err := os.ReadFile("testdata/columns.txt")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(line)
		if strings.HasPrefix(line, "#") || len(f) == 0 {
			continue
		}
		if len(f) != 4 || f[3] != "secret" && f[3] != "open" {
			t.Fatalf("not application, table, column, answer: %q", line)
		}
		n++
		if got := redact.SecretColumn(f[1], f[2]); got != (f[3] == "secret") {
			t.Errorf("%s: %s.%s: secret is %v, want %s", f[0], f[1], f[2], got, f[3])
		}
	}
	if n < 300 {
		t.Errorf("%d columns", n)
	}
}

func TestSettingColumns(t *testing.T) {
	for _, c := range []struct {
		columns []string
		naming  string
		values  []string
	}{
		{[]string{"id", "key", "value", "about"}, "key", []string{"value"}},
		{[]string{"key", "value", "name"}, "key", []string{"value"}},
		{[]string{"id", "name", "value"}, "name", []string{"value"}},
		{[]string{"id", "ckey", "cval", "note"}, "ckey", []string{"cval"}},
		{[]string{"option_id", "option_name", "option_value", "autoload"}, "option_name", []string{"option_value"}},
		{[]string{"store_key", "store_value", "created_at"}, "store_key", []string{"store_value"}},
		{[]string{"id", "group_name", "trigger_value"}, "", nil},
		{[]string{"id", "name", "business_value"}, "", nil},
		{[]string{"id", "value"}, "", nil},
		{nil, "", nil},
	} {
		naming, values := redact.SettingColumns(c.columns)
		if naming != c.naming || !slices.Equal(values, c.values) {
			t.Errorf("%v: %q, %v, want %q, %v", c.columns, naming, values, c.naming, c.values)
		}
	}
}

func TestSecretSetting(t *testing.T) {
	for name, want := range map[string]bool{
		"smtpPassword": true, "SMTP_PASSWORD": true, "smtp.password": true, "jwt/private-key": true, "TurnstileSecretKey": true,
		"smtpHost": false, "PasswordLoginEnabled": false, "SMTPServer": false, "": false, "A token of love": false, "theme": false,
	} {
		if got := redact.SecretSetting(name); got != want {
			t.Errorf("%q: %v", name, got)
		}
	}
	if redact.SecretSetting(nil) || redact.SecretSetting(int64(7)) || !redact.SecretSetting([]byte("password")) {
		t.Error("a name that is no text")
	}
}
