package table

import (
	"regexp"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// Name is the table that a statement names.
type Name struct {
	Schema string // "" when the statement does not name one
	Name   string
	Alias  string // how the statement's own expressions call it
	// Simple is false for aliased tables, of which only the portable way knows
	// how to speak.
	Simple bool
}

// Bare is a table's name without a schema.
func Bare(name string) string { return name[strings.LastIndexByte(name, '.')+1:] }

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

// NameOf is the table that a statement of GORM is about; false where it names none, or
// more than one.
func NameOf(stmt *gorm.Statement) (Name, bool) {
	if stmt.Table == "" && stmt.TableExpr == nil {
		return Name{}, false
	}
	if stmt.TableExpr == nil {
		schemaName, name, qualified := strings.Cut(stmt.Table, ".")
		if !qualified {
			return Name{Name: stmt.Table, Alias: stmt.Table, Simple: true}, true
		}
		return Name{Schema: schemaName, Name: name, Alias: stmt.Table, Simple: true}, true
	}
	if len(stmt.TableExpr.Vars) > 0 {
		return Name{}, false
	}
	return NameIn(stmt.TableExpr.SQL)
}

// NameIn reads SQL that names one table; false where it is anything else.
func NameIn(sql string) (Name, bool) {
	m := tablePattern.FindStringSubmatch(sql)
	if m == nil {
		return Name{}, false
	}
	t := Name{Schema: unquoted(m[1]), Name: unquoted(m[2]), Alias: unquoted(m[3]), Simple: m[3] == ""}
	if t.Alias == "" {
		t.Alias = t.Name
	}
	return t, true
}

// Assigned finds the table that an UPDATE of several tables changes, by the
// qualified names of what it sets.
func Assigned(set []clause.Assignment) (Name, bool) {
	var t Name
	for _, a := range set {
		name := a.Column.Table
		if at := strings.LastIndexByte(a.Column.Name, '.'); name == "" && at > 0 {
			name = a.Column.Name[:at]
		}
		if name == "" || t.Name != "" && t.Name != name {
			return Name{}, false
		}
		t.Name = name
	}
	if t.Name == "" {
		return Name{}, false
	}
	if schemaName, name, ok := strings.Cut(t.Name, "."); ok {
		return Name{Schema: schemaName, Name: name, Alias: name}, true
	}
	t.Alias = t.Name
	return t, true
}
