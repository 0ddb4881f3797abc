// Package companion is what the plugin and the triggers beside it have agreed on: how a
// statement says that the plugin records what it changes, and how raw SQL says who runs it.
//
// The mark belongs to the statement, not to the session: there is nothing that an error, a
// rollback or a pooler could leave behind.
package companion

import (
	"hash/crc32"
	"strconv"
	"strings"
)

// Version is that of the agreement. Triggers of another version are out of date.
const Version = 1

// Prefix begins the names of all triggers, functions and tables of companions.
const Prefix = "auditplugin_"

// Comment marks a statement on PostgreSQL, whose triggers look at the text of the query.
// It is the same for all statements, so that they are prepared and counted as one form.
const Comment = "/*auditplugin:1*/ "

// Where raw SQL says who runs it and why, as JSON: a setting of PostgreSQL's, local to the
// transaction; a user variable of MariaDB's.
const (
	Setting  = "auditplugin.context"
	Variable = "@auditplugin_context"
)

// SQLite's tables. A row in QuietTable is the name of a table whose triggers are silent,
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

// session is the variable that MariaDB's triggers look at. It matters to nothing but the
// progress reports of ALTER TABLE and LOAD DATA, and the server restores it when the
// statement ends, also by an error.
const session = "progress_report_time"

// Session is that variable, as an expression.
const Session = "@@session." + session

const setStatement = "SET STATEMENT " + session + "="

// Number is what the variable is for writes to a table: triggers of other tables that the
// same statement reaches see it, too, and must not be silent.
func Number(table string) uint32 { return 1<<31 | crc32.ChecksumIEEE([]byte(table)) }

// Mark marks a statement that writes to a table, for dialects where the text has the mark.
func Mark(dialect, table, query string) string {
	switch dialect {
	case "postgres":
		return Comment + query
	case "mysql":
		return setStatement + strconv.FormatUint(uint64(Number(table)), 10) + " FOR " + query
	}
	return query
}

// Unmarked is the statement that was marked, or the text itself.
func Unmarked(query string) string {
	if rest, ok := strings.CutPrefix(query, Comment); ok {
		return rest
	}
	if strings.HasPrefix(query, setStatement) {
		if _, rest, ok := strings.Cut(query, " FOR "); ok {
			return rest
		}
	}
	return query
}

// SetContext and ClearContext are the statements that say who runs what comes next, and
// take it back. SetContext has the text as its one argument.
func SetContext(dialect string) string {
	switch dialect {
	case "postgres":
		return "SELECT set_config('" + Setting + "', $1, true)"
	case "mysql":
		return "SET " + Variable + " = ?"
	}
	return "INSERT OR REPLACE INTO " + ContextTable + " (id, context) VALUES (1, ?)"
}

// ClearContext takes back what SetContext said.
func ClearContext(dialect string) string {
	switch dialect {
	case "postgres":
		return "SELECT set_config('" + Setting + "', '', true)"
	case "mysql":
		return "SET " + Variable + " = NULL"
	}
	return "DELETE FROM " + ContextTable
}
