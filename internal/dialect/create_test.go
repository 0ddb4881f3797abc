package dialect

import (
	"slices"
	"testing"
)

func TestCreateTable(t *testing.T) {
	for _, dialect := range []string{SQLite, Postgres, MySQL} {
		facts := FactsOf(dialect)
		got := CreateTable(dialect, Table{"log", "trail"}, "  id "+facts.Identity+",\n  name "+facts.Text("VARCHAR(9)"),
			Index{Name: "a", Columns: "name", Unique: true}, Index{Name: "b", Columns: List(dialect, "", []string{"id", "name"})})
		want := map[string][]string{
			SQLite: {
				"CREATE TABLE IF NOT EXISTS `log`.`trail` (\n  id INTEGER PRIMARY KEY AUTOINCREMENT,\n  name TEXT\n)",
				"CREATE UNIQUE INDEX IF NOT EXISTS `log`.`a` ON `trail` (name)",
				"CREATE INDEX IF NOT EXISTS `log`.`b` ON `trail` (`id`, `name`)",
			},
			Postgres: {
				"CREATE TABLE IF NOT EXISTS \"log\".\"trail\" (\n  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,\n  name text\n)",
				`CREATE UNIQUE INDEX IF NOT EXISTS "a" ON "log"."trail" (name)`,
				`CREATE INDEX IF NOT EXISTS "b" ON "log"."trail" ("id", "name")`,
			},
			MySQL: {
				"CREATE TABLE IF NOT EXISTS `log`.`trail` (\n  id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,\n  name VARCHAR(9),\n" +
					"  UNIQUE KEY `a` (name),\n  KEY `b` (`id`, `name`)\n) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin",
			},
		}[dialect]
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q", dialect, got)
		}
	}
}
