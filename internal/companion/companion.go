// Package companion is what the plugin and the triggers beside it have agreed on: how a
// statement says that the plugin records what it changes, and how raw SQL says who runs it.
//
// The mark belongs to the statement, not to the session: there is nothing that an error, a
// rollback or a pooler could leave behind.
package companion

import (
	"strings"

	"github.com/gorm-audit/auditplugin/internal/catalog"
)

// Version is that of the agreement. Triggers of another version are out of date.
const Version = 1

// Prefix begins the names of all triggers, functions and tables of companions.
const Prefix = "auditplugin_"

// marks are how a database's statements are marked, and raw SQL introduced.
type marks struct {
	// since says from which version on the server can do it, nil for yes.
	since func(catalog.Server) error
	// mark marks the text of a statement that writes to a table; nil where the mark is set
	// beforehand.
	mark func(table, query string) string
	// oneTable tells that the mark is of one table.
	oneTable bool
	// tables create what holds the marks.
	tables []string
	// setContext and clearContext say who runs what comes next, and take it back.
	setContext, clearContext string
}

func marksOf(name string) marks {
	switch name {
	case "postgres":
		return postgresMarks
	case "mysql":
		return mysqlMarks
	case "sqlite":
		return sqliteMarks
	}
	return marks{since: func(catalog.Server) error { return errVersion }}
}

// MarksText tells that a statement's text has its mark.
func MarksText(dialect string) bool { return marksOf(dialect).mark != nil }

// OneTable tells that a mark is of one statement and one table.
func OneTable(dialect string) bool { return marksOf(dialect).oneTable }

// Mark marks a statement that writes to a table, for dialects where the text has the mark.
func Mark(dialect, table, query string) string {
	if mark := marksOf(dialect).mark; mark != nil {
		return mark(table, query)
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
func SetContext(dialect string) string { return marksOf(dialect).setContext }

// ClearContext takes back what SetContext said.
func ClearContext(dialect string) string { return marksOf(dialect).clearContext }
