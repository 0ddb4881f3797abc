package history_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/gorm-audit/auditplugin/history"
)

// Migrations hold this text: a difference here needs one of their own.
// UPDATE_GOLDEN=1 rewrites the files.
func TestPartitionSchemaGolden(t *testing.T) {
	for _, dialect := range []string{"postgres", "mysql"} {
		var text string
		for _, table := range []string{"audit_logs", "app.trail"} {
			ddl, err := history.PartitionSchema(dialect, table, time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC), 2)
			must(t, err)
			text += ddl + "\n"
		}
		file := filepath.Join("testdata", "partitions."+dialect+".sql")
		if os.Getenv("UPDATE_GOLDEN") != "" {
			must(t, os.WriteFile(file, []byte(text), 0o600))
		}
		want, err := os.ReadFile(file)
		must(t, err)
		if text != string(want) {
			t.Errorf("%s differs from %s:\n%s", dialect, file, text)
		}
	}
}
