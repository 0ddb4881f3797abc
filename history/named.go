package history

import (
	"fmt"
	"reflect"
	"regexp"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/logger"
	"gorm.io/gorm/schema"
)

// nameSQL matches one identifier, quoted or not.
const nameSQL = "\"[^\"]+\"|`[^`]+`|[\\p{L}\\p{N}_$-]+"

// namedPattern matches what db.Table may be given: a name, perhaps with a schema and
// an alias.
var namedPattern = regexp.MustCompile(`(?i)^\s*(?:(` + nameSQL + `)\.)?(` + nameSQL + `)(?:\s+(?:AS\s+)?(?:` + nameSQL + `))?\s*$`)

// namedTable is the table that a handle names with db.Table, itself or in a scope,
// with a schema if that was named too; "" without. What is no single table, such as a
// subquery, has no trail.
func namedTable(db *gorm.DB, s *schema.Schema) (string, error) {
	if db == nil || db.Statement == nil {
		return "", nil
	}
	stmt := db.Statement
	if s != nil && hasScopes(stmt) {
		rows := reflect.New(reflect.SliceOf(s.ModelType)).Interface()
		dry := db.Session(&gorm.Session{DryRun: true, SkipHooks: true, Logger: logger.Discard}).Find(rows)
		if dry.Error != nil {
			return "", dry.Error
		}
		stmt = dry.Statement
	}
	if stmt.TableExpr == nil {
		return "", nil
	}
	m := namedPattern.FindStringSubmatch(stmt.TableExpr.SQL)
	if m == nil || len(stmt.TableExpr.Vars) > 0 {
		return "", fmt.Errorf("%w: db.Table does not name one table", ErrInvalidQuery)
	}
	name := unquoted(m[2])
	if m[1] != "" {
		name = unquoted(m[1]) + "." + name
	}
	return name, nil
}

// tableOf is the table that a question about a model's rows means: the one that the
// handle names, or else the model's.
func tableOf(db *gorm.DB, s *schema.Schema) (string, error) {
	name, err := namedTable(db, s)
	if err != nil || name != "" {
		return name, err
	}
	return s.Table, nil
}

// hasScopes reports whether scopes wait to be applied, which may name a table as well.
// GORM does not export them.
func hasScopes(stmt *gorm.Statement) bool {
	scopes := reflect.ValueOf(stmt).Elem().FieldByName("scopes")
	return scopes.IsValid() && scopes.Kind() == reflect.Slice && scopes.Len() > 0
}

func unquoted(name string) string {
	if name != "" && strings.IndexByte("\"`", name[0]) >= 0 {
		return name[1 : len(name)-1]
	}
	return name
}

// bareTable is a table's name without its schema.
func bareTable(name string) string { return name[strings.LastIndexByte(name, '.')+1:] }

// schemaOfTable is the schema that a table's name has, or "".
func schemaOfTable(name string) string {
	if cut := strings.LastIndexByte(name, '.'); cut >= 0 {
		return name[:cut]
	}
	return ""
}
