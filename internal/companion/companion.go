// Package companion is what the plugin and the triggers beside it have agreed on: how a
// statement says that the plugin records what it changes, and how raw SQL says who runs it.
//
// The mark belongs to the statement, not to the session: there is nothing that an error, a
// rollback or a pooler could leave behind.
package companion

import (
	"context"
	"strings"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/internal/catalog"
)

// Version is that of the agreement. Triggers of another version are out of date.
const Version = 1

// Prefix begins the names of all triggers, functions and tables of companions.
const Prefix = "auditplugin_"

// marks are how a database's statements are marked, and raw SQL introduced.
type marks struct {
	// unable says why a server can not do it, nil where it can.
	unable error
	// mark marks the text of a statement that writes to a table, unless nothing can be put
	// into it; nil where the mark is set beforehand.
	mark func(table, query string) (marked string, ok bool)
	// probe tries whether marks arrive; nil where nothing can keep them from it.
	probe func(ctx context.Context, conn audit.Conn) error
	// oneTable tells that the mark is of one table.
	oneTable bool
	// tables create what holds the marks.
	tables []string
	// setContext and clearContext say who runs what comes next, and take it back.
	setContext, clearContext string
}

func marksOf(s catalog.Server) marks {
	switch s.Dialect {
	case "postgres":
		return postgresMarks(s)
	case "mysql":
		return mysqlMarks(s)
	case "sqlite":
		return sqliteMarks(s)
	}
	return marks{unable: errVersion}
}

// MarksText tells that a statement's text has its mark.
func MarksText(s catalog.Server) bool { return marksOf(s).mark != nil }

// OneTable tells that a mark is of one statement and one table.
func OneTable(s catalog.Server) bool { return marksOf(s).oneTable }

// Mark marks a statement that writes to a table, for servers where the text has the mark.
// It is false for a statement that can have none.
func Mark(s catalog.Server, table, query string) (marked string, ok bool) {
	if mark := marksOf(s).mark; mark != nil {
		return mark(table, query)
	}
	return query, true
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
	return query // MySQL's hint stands where it changes nothing
}

// SetContext and ClearContext are the statements that say who runs what comes next, and
// take it back. SetContext has the text as its one argument.
func SetContext(s catalog.Server) string { return marksOf(s).setContext }

// ClearContext takes back what SetContext said.
func ClearContext(s catalog.Server) string { return marksOf(s).clearContext }
