package auditplugin

import (
	"regexp"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// table is the table that a statement names.
type table struct {
	schema string // "" when the statement does not name one
	name   string
	alias  string // how the statement's own expressions call it
	// simple is false for aliased tables, of which only the portable path knows
	// how to speak.
	simple bool
}

// nameSQL matches one identifier, quoted or not. A quote inside a quoted one is not
// for this pattern.
const nameSQL = "\"[^\"]+\"|`[^`]+`|\\[[^\\]]+\\]|[\\p{L}\\p{N}_$-]+"

// tablePattern matches what db.Table may be given: an optionally qualified name
// and an optional alias.
var tablePattern = regexp.MustCompile(`(?i)^\s*(?:(` + nameSQL + `)\.)?(` + nameSQL + `)(?:\s+(?:AS\s+)?(` + nameSQL + `))?\s*$`)

func unquoted(name string) string {
	if name != "" && strings.IndexByte("\"`[", name[0]) >= 0 {
		return name[1 : len(name)-1]
	}
	return name
}

func tableRef(stmt *gorm.Statement) (table, bool) {
	if stmt.Table == "" && stmt.TableExpr == nil {
		return table{}, false
	}
	if stmt.TableExpr == nil {
		schemaName, name, qualified := strings.Cut(stmt.Table, ".")
		if !qualified {
			return table{name: stmt.Table, alias: stmt.Table, simple: true}, true
		}
		return table{schema: schemaName, name: name, alias: stmt.Table, simple: true}, true
	}
	m := tablePattern.FindStringSubmatch(stmt.TableExpr.SQL)
	if m == nil || len(stmt.TableExpr.Vars) > 0 {
		return table{}, false
	}
	t := table{schema: unquoted(m[1]), name: unquoted(m[2]), alias: unquoted(m[3]), simple: m[3] == ""}
	if t.alias == "" {
		t.alias = t.name
	}
	return t, true
}

// assignedTable finds the table that an UPDATE of several tables changes, by the
// qualified names of what it sets.
func assignedTable(set []clause.Assignment) (table, bool) {
	var t table
	for _, a := range set {
		name := a.Column.Table
		if at := strings.LastIndexByte(a.Column.Name, '.'); name == "" && at > 0 {
			name = a.Column.Name[:at]
		}
		if name == "" || t.name != "" && t.name != name {
			return table{}, false
		}
		t.name = name
	}
	if t.name == "" {
		return table{}, false
	}
	if schemaName, name, ok := strings.Cut(t.name, "."); ok {
		return table{schema: schemaName, name: name, alias: name}, true
	}
	t.alias = t.name
	return t, true
}
