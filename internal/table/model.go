package table

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"gorm.io/gorm/schema"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/internal/catalog"
	"github.com/gorm-audit/auditplugin/internal/fault"
	"github.com/gorm-audit/auditplugin/internal/redact"
	"github.com/gorm-audit/auditplugin/internal/values"
)

// Model is what is known of a table before the database is asked, for statements of one
// schema. The rules are those of all models of the table. It is only read once made.
type Model struct {
	Schema     *schema.Schema // nil without a model
	Table      string         // without a schema
	RecordType string
	Plan       *redact.Plan
	Audited    bool
	// Keep keeps a write that can not be recorded.
	Keep    bool
	Require audit.Requirement
	// NoActor tells that nobody writes to it, by design.
	NoActor bool
	// Timestamps are the columns that GORM sets by itself on update.
	Timestamps map[string]bool
	// SoftDelete are the columns by which rows are deleted softly.
	SoftDelete []values.SoftDelete
	// Err is what is wrong with the model, for its first write.
	Err error

	leftOut Actions                  // those that are not recorded
	ignored map[string]bool          // by column, in lower case
	fields  map[string]*schema.Field // by column, of all models of the table
}

// newModel makes the model of a table: s is the schema of the statement or nil, all are
// those of the table, s first. isTrail says that it is an audit table itself.
func newModel(r *Rules, s *schema.Schema, all []*schema.Schema, table string, isTrail bool) *Model {
	m := &Model{
		Schema: s, Table: table, RecordType: table, Audited: r.Audits(table) && !isTrail, Keep: r.keeps(table),
		Require: r.requires(table), NoActor: r.nobody(table), leftOut: r.leavesOut(table), ignored: r.ignored(table), Timestamps: map[string]bool{}, fields: map[string]*schema.Field{},
	}
	m.Plan, m.Err = planOf(r, table, all)
	for _, o := range all {
		m.learnFields(r.dialect, o)
	}
	m.nameIt(s, all)
	if s != nil {
		for _, f := range s.Fields {
			if f.DBName != "" && f.AutoUpdateTime > 0 {
				m.Timestamps[f.DBName] = true
			}
		}
	}
	return m
}

// Ignored reports whether a column is never recorded.
func (m *Model) Ignored(column string) bool {
	return m.ignored[strings.ToLower(column)] || m.Plan.Ignored(column)
}

// planOf is the plan of a table with all its models. Of one with a mistake nothing can be
// said, so nothing is written to such a table.
func planOf(r *Rules, table string, all []*schema.Schema) (*redact.Plan, error) {
	plans := make([]*redact.Plan, 0, len(all))
	for _, s := range all {
		p, err := redact.ForTable(s, table, r.redact)
		if err != nil {
			return redact.ForNames(table, r.redact), err
		}
		plans = append(plans, p)
	}
	if len(plans) == 0 {
		return redact.ForNames(table, r.redact), nil
	}
	return redact.Join(plans...), nil
}

// learnFields takes what a model says of columns of which those before it said nothing.
func (m *Model) learnFields(dialectName string, s *schema.Schema) {
	for name, f := range s.FieldsByDBName {
		known := m.fields[name]
		// Tags inside a document hold only where it is read as one.
		if known == nil || values.DocumentField(dialectName, f) && !values.DocumentField(dialectName, known) {
			m.fields[name] = f
		}
	}
	for _, f := range s.Fields {
		if f.DBName == "" {
			continue
		}
		if soft, ok := values.SoftDeleteOf(f); ok && !slices.ContainsFunc(m.SoftDelete, func(o values.SoftDelete) bool { return o.Column == f.DBName }) {
			m.SoftDelete = append(m.SoftDelete, soft)
		}
	}
}

// field is what the models say of a column, nil where they say nothing.
func (m *Model) field(column string) *schema.Field {
	if f, ok := m.fields[column]; ok || m.Schema == nil {
		return f
	}
	return m.Schema.FieldsByDBName[column]
}

// fieldOf is what the models say of a column of the table, which the database may spell in
// another case, or shorter, than they do.
func (m *Model) fieldOf(t *catalog.Table, column string) *schema.Field {
	if f := m.field(column); f != nil {
		return f
	}
	for name, f := range m.fields {
		if c, ok := t.Column(name); ok && c.Name == column {
			return f
		}
	}
	return nil
}

// named reports whether the schema is that of a type with a name: join tables have none.
func named(s *schema.Schema) bool { return s != nil && s.ModelType != nil && s.ModelType.Name() != "" }

// nameIt lets the application's types say how they are called and what they require. Each
// type has its own AuditName; one that has none goes by the first of the others.
func (m *Model) nameIt(s *schema.Schema, all []*schema.Schema) {
	if named(s) {
		m.RecordType = audit.TypeName(s.ModelType.Name())
	}
	given := false
	for _, o := range all {
		if !named(o) {
			continue
		}
		v := reflect.New(o.ModelType).Interface()
		if n, ok := v.(interface{ AuditName() string }); ok && !given {
			if err := fault.Guard(func() error { m.RecordType = n.AuditName(); return nil }); err != nil {
				m.Err = fmt.Errorf("auditplugin: model %s: AuditName panicked", o.Name)
			}
			given = true
		}
		if r, ok := v.(interface{ AuditRequires() audit.Requirement }); ok {
			if err := fault.Guard(func() error { m.Require |= r.AuditRequires(); return nil }); err != nil {
				m.Err = fmt.Errorf("auditplugin: model %s: AuditRequires panicked", o.Name)
			}
		}
	}
}
