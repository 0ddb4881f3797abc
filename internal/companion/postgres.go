package companion

import "github.com/gorm-audit/auditplugin/internal/catalog"

// Comment marks a statement on PostgreSQL, whose triggers look at the text of the query.
// It is the same for all statements, so that they are prepared and counted as one form.
const Comment = "/*auditplugin:1*/ "

// Setting is where raw SQL says who runs it and why, as JSON: a setting that is local to the
// transaction.
const Setting = "auditplugin.context"

func postgresMarks(s catalog.Server) marks {
	return marks{
		unable:       from(s.Flavor == "" && s.AtLeast(13, 0, 0)),
		mark:         func(_, query string) (string, bool) { return Comment + query, true },
		setContext:   "SELECT set_config('" + Setting + "', $1, true)",
		clearContext: "SELECT set_config('" + Setting + "', '', true)",
	}
}
