package table

import (
	"fmt"
	"reflect"

	"gorm.io/gorm/schema"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/internal/fault"
	"github.com/gorm-audit/auditplugin/internal/redact"
)

// Model is what is known of a table before the database is asked. It is only read once
// made.
type Model struct {
	Schema     *schema.Schema // nil without a model
	Table      string         // without a schema
	RecordType string
	Plan       *redact.Plan
	Audited    bool
	// Keep keeps a write that can not be recorded.
	Keep    bool
	Require audit.Requirement
	// Timestamps are the columns that GORM sets by itself on update.
	Timestamps map[string]bool
	// SoftDelete are the columns whose zero value means not deleted.
	SoftDelete []string
	// Err is what is wrong with the model, for its first write.
	Err error

	ignored map[string]bool // by column
}

// newModel makes the model of a table; s is its schema or nil. isTrail says that it is an
// audit table itself.
func newModel(r *Rules, s *schema.Schema, table string, isTrail bool) *Model {
	m := &Model{
		Schema: s, Table: table, RecordType: table, Audited: r.audited(table) && !isTrail, Keep: r.keeps(table),
		Require: r.requires(table), ignored: r.ignored(table), Timestamps: map[string]bool{},
	}
	if s == nil {
		m.Plan = redact.ForNames(r.redact)
		return m
	}
	m.Plan, m.Err = redact.ForSchema(s, r.redact)
	if named(s) {
		m.RecordType = schema.NamingStrategy{}.ColumnName("", s.ModelType.Name())
		m.ask(s)
	}
	for _, f := range s.Fields {
		if f.DBName == "" {
			continue
		}
		if f.AutoUpdateTime > 0 {
			m.Timestamps[f.DBName] = true
		}
		if _, ok := reflect.New(f.IndirectFieldType).Interface().(schema.DeleteClausesInterface); ok {
			m.SoftDelete = append(m.SoftDelete, f.DBName)
		}
	}
	return m
}

// Ignored reports whether a column is never recorded.
func (m *Model) Ignored(column string) bool { return m.ignored[column] || m.Plan.Ignored(column) }

// named reports whether the schema is that of a type with a name: join tables have none.
func named(s *schema.Schema) bool { return s != nil && s.ModelType != nil && s.ModelType.Name() != "" }

// ask lets the application's type say how it is called and what it requires.
func (m *Model) ask(s *schema.Schema) {
	v := reflect.New(s.ModelType).Interface()
	if n, ok := v.(interface{ AuditName() string }); ok {
		if err := fault.Guard(func() error { m.RecordType = n.AuditName(); return nil }); err != nil {
			m.Err = fmt.Errorf("auditplugin: model %s: AuditName panicked", s.Name)
		}
	}
	if r, ok := v.(interface{ AuditRequires() audit.Requirement }); ok {
		if err := fault.Guard(func() error { m.Require |= r.AuditRequires(); return nil }); err != nil {
			m.Err = fmt.Errorf("auditplugin: model %s: AuditRequires panicked", s.Name)
		}
	}
}
