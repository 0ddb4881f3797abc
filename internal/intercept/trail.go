package intercept

import (
	"fmt"
	"slices"
	"strings"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/internal/sqltext"
	"github.com/gorm-audit/auditplugin/internal/table"
)

// Trail keeps the audit table apart from a table of the application's of the same name: a
// model AuditLog has the name audit_logs, too.
type Trail struct {
	// Tables are the audit tables, with their schemas.
	Tables []string
	// Columns are those that they have.
	Columns []string
	// Mismatch is the error that is wrapped.
	Mismatch error
}

// is reports whether a table, in a schema where the statement names one, is an audit table.
func (t *Trail) is(schemaName, name string) bool {
	return name != "" && slices.ContainsFunc(t.Tables, func(trail string) bool {
		own := strings.TrimSuffix(trail, table.Bare(trail))
		return strings.EqualFold(table.Bare(trail), name) && (schemaName == "" || own == "" || strings.EqualFold(own, schemaName+"."))
	})
}

// remaking is what SQLite's migrator adds to the name of a table that it makes anew.
const remaking = "__temp"

// migrate refuses definitions that GORM's migrator would give an audit table: AutoMigrate of
// a model with its name would make one table of two.
func (i *Interceptor) migrate(query string) error {
	if len(i.Trail.Tables) == 0 || sqltext.First(i.Dialect.Name(), query) != sqltext.DDL {
		return nil
	}
	schemaName, name := sqltext.Defines(query)
	if !i.Trail.is(schemaName, strings.TrimSuffix(name, remaking)) || !i.Migrator.Sent() {
		return nil
	}
	return i.Trail.clash(strings.TrimSuffix(name, remaking), "AutoMigrate would change it")
}

// foreign refuses writes to an audit table by a model that is none of it: one with columns
// that it has not.
func (i *Interceptor) foreign(db *gorm.DB, name table.Name) error {
	s := db.Statement.Schema
	if s == nil || !i.Trail.is(name.Schema, name.Name) {
		return nil
	}
	for _, column := range s.DBNames {
		if !slices.Contains(i.Trail.Columns, column) {
			return i.Trail.clash(name.Name, "model "+s.Name+" has the same name and other columns")
		}
	}
	return nil
}

func (t *Trail) clash(name, why string) error {
	return fmt.Errorf("%w: table %q is the audit trail's, and %s: give the trail another name by emitter.Table(emitter.Name(\"audit_trail\")), or the model one by TableName", t.Mismatch, name, why)
}
