package relay

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The statements are a contract with teams whose migration tool runs them: a difference
// here needs a migration in the change log. UPDATE_GOLDEN=1 rewrites the files.
func TestSchemaGolden(t *testing.T) {
	for _, dialect := range []string{"sqlite", "postgres", "mysql"} {
		var text strings.Builder
		for _, part := range []func() (string, error){
			func() (string, error) { return Schema(dialect) },
			func() (string, error) { return Schema(dialect, AuditTable("log.trail"), TablePrefix("p_")) },
			func() (string, error) { return OutboxView(dialect) },
			func() (string, error) { return OutboxView(dialect, AuditTable("log.trail")) },
		} {
			s, err := part()
			if err != nil {
				t.Fatal(err)
			}
			text.WriteString(s + "\n")
		}
		file := filepath.Join("testdata", "schema."+dialect+".sql")
		if os.Getenv("UPDATE_GOLDEN") != "" {
			if err := os.WriteFile(file, []byte(text.String()), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if text.String() != string(want) {
			t.Errorf("%s differs from %s:\n%s", dialect, file, text.String())
		}
	}
}
