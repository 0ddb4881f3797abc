package emitter_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gorm-audit/auditplugin/emitter"
)

// The schema is a contract with teams that created the table from it: a
// difference here needs a migration in the change log. UPDATE_GOLDEN=1 rewrites
// the files.
func TestSchemaGolden(t *testing.T) {
	for _, dialect := range []string{"sqlite", "postgres", "mysql"} {
		got, err := emitter.Schema(dialect)
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join("testdata", "schema."+dialect+".sql")
		if os.Getenv("UPDATE_GOLDEN") != "" {
			if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("%s differs from %s:\n%s", dialect, file, got)
		}
	}
}

func TestSchemaUnknownDialect(t *testing.T) {
	if _, err := emitter.Schema("oracle"); !errors.Is(err, emitter.ErrUnknownDialect) {
		t.Fatalf("error is %v, want ErrUnknownDialect", err)
	}
}

func TestSchemaOfQualifiedName(t *testing.T) {
	for dialect, want := range map[string][]string{
		"sqlite":   {"TABLE IF NOT EXISTS `log`.`trail` (", "`log`.`idx_trail_id` ON `trail` ("},
		"postgres": {`TABLE IF NOT EXISTS "log"."trail" (`, `"idx_trail_id" ON "log"."trail" (`},
		"mysql":    {"TABLE IF NOT EXISTS `log`.`trail` (", "UNIQUE KEY `idx_trail_id` (`id`)"},
	} {
		got, err := emitter.Table(emitter.Name("log.trail")).Schema(dialect)
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range want {
			if !strings.Contains(got, w) {
				t.Errorf("%s: no %s in\n%s", dialect, w, got)
			}
		}
	}
}

// Teams run the text of Schema themselves; the table must then pass Bind.
func TestSchemaMakesTheTable(t *testing.T) {
	db := openMemory(t)
	ddl, err := emitter.Schema("sqlite")
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Exec(ddl).Error; err != nil {
		t.Fatal(err)
	}
	mustBind(t, emitter.Table(emitter.NoCreate()), db)
}

// A long table name must not make two index names equal after the database has
// cut them.
func TestSchemaIndexNamesOfLongTable(t *testing.T) {
	ddl, err := emitter.Table(emitter.Name(strings.Repeat("t", 60))).Schema("postgres")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for line := range strings.Lines(ddl) {
		_, rest, ok := strings.Cut(line, `INDEX IF NOT EXISTS "`)
		if !ok {
			continue
		}
		name, _, _ := strings.Cut(rest, `"`)
		if len(name) > 63 {
			t.Errorf("index name of %d bytes: %s", len(name), name)
		}
		seen[name] = true
	}
	if len(seen) != 7 {
		t.Errorf("%d different index names, want 7", len(seen))
	}
}
