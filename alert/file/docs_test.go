package file_test

import (
	"os"
	"strings"
	"testing"

	"github.com/gorm-audit/auditplugin/alert"
	"github.com/gorm-audit/auditplugin/alert/file"
)

// The YAML of the documentation is right.
func TestDocumentation(t *testing.T) {
	page, err := os.ReadFile("../../docs/alerts.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := strings.Split(string(page), "```yaml\n")[1:]
	if len(blocks) == 0 {
		t.Fatal("docs/alerts.md has no YAML")
	}
	for _, block := range blocks {
		text, _, _ := strings.Cut(block, "```")
		c, err := file.Parse("docs/alerts.md", []byte(text), file.Env(func(string) (string, bool) { return "x", true }),
			file.URLs(func(string) (alert.Channel, error) { return alert.Slog(nil), nil }))
		if err != nil || len(c.Rules) == 0 {
			t.Errorf("%v\n%s", err, text)
		}
	}
}
