package companion

import "github.com/gorm-audit/auditplugin/internal/catalog"

// A row in QuietTable is the name of a table whose triggers are silent,
// in the transaction that wrote it; the row of ContextTable is what Setting is elsewhere.
const (
	QuietTable   = Prefix + "quiet"
	ContextTable = Prefix + "context"
)

// Tables creates SQLite's tables. Without a rowid they leave last_insert_rowid() alone.
func Tables() []string {
	return []string{
		"CREATE TABLE IF NOT EXISTS " + QuietTable + " (name TEXT NOT NULL PRIMARY KEY) WITHOUT ROWID",
		"CREATE TABLE IF NOT EXISTS " + ContextTable + " (id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1), context TEXT NOT NULL) WITHOUT ROWID",
	}
}

// The statements that set SQLite's marks and take them back.
const (
	Hush   = "INSERT OR IGNORE INTO " + QuietTable + " (name) VALUES (?)"
	Unhush = "DELETE FROM " + QuietTable
)

func sqliteMarks(s catalog.Server) marks {
	return marks{
		unable:       from(s.AtLeast(3, 38, 0)),
		tables:       Tables(),
		setContext:   "INSERT OR REPLACE INTO " + ContextTable + " (id, context) VALUES (1, ?)",
		clearContext: "DELETE FROM " + ContextTable,
	}
}
