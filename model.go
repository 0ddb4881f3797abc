package auditplugin

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/schema"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/internal/redact"
)

// modelRules are the options that name models, by table.
type modelRules struct {
	include, exclude            map[string]bool
	failure                     map[string]FailurePolicy
	requireActor, requireReason map[string]bool
	// schemas are those of the models named, which raw SQL may write to before
	// GORM does.
	schemas []*schema.Schema
}

func (r *modelRules) parse(c *config, db *gorm.DB) error {
	tables := func(option string, models []any) (map[string]bool, error) {
		set := make(map[string]bool, len(models))
		for _, m := range models {
			name, err := tableOf(db, m)
			if err != nil {
				return nil, fmt.Errorf("%w: %s: %w", ErrInvalidOption, option, err)
			}
			set[name] = true
		}
		return set, nil
	}
	var err error
	if r.include, err = tables("WithModels", c.include); err != nil {
		return err
	}
	if r.exclude, err = tables("WithoutModels", c.exclude); err != nil {
		return err
	}
	for name := range r.exclude {
		if r.include[name] {
			return fmt.Errorf("%w: table %q is in both WithModels and WithoutModels", ErrInvalidOption, name)
		}
	}
	if r.requireActor, err = tables("WithRequiredActor", c.requireActor.models); err != nil {
		return err
	}
	if r.requireReason, err = tables("WithRequiredReason", c.requireReason.models); err != nil {
		return err
	}
	r.failure = map[string]FailurePolicy{}
	for policy, models := range c.failureModels {
		set, err := tables("WithFailurePolicy", models)
		if err != nil {
			return err
		}
		for name := range set {
			if _, twice := r.failure[name]; twice {
				return fmt.Errorf("%w: WithFailurePolicy: table %q is given two policies", ErrInvalidOption, name)
			}
			r.failure[name] = policy
		}
	}
	// A model that is named can be checked now rather than at its first write.
	for _, m := range slices.Concat(c.include, c.requireActor.models, c.requireReason.models, c.failureModels[FailWrite], c.failureModels[KeepWrite]) {
		if s, err := parseSchema(db, m); err == nil && s != nil {
			if _, err := redact.ForSchema(s, redact.Config{HashKey: c.hashKey}); err != nil {
				return err
			}
			r.schemas = append(r.schemas, s)
		}
	}
	return nil
}

func parseSchema(db *gorm.DB, model any) (*schema.Schema, error) {
	if _, ok := model.(string); ok {
		return nil, nil
	}
	stmt := &gorm.Statement{DB: db}
	if err := stmt.Parse(model); err != nil {
		return nil, err
	}
	return stmt.Schema, nil
}

// tableOf returns the bare table name of a model given to an option.
func tableOf(db *gorm.DB, model any) (string, error) {
	if name, ok := model.(string); ok {
		if name == "" {
			return "", fmt.Errorf("empty table name")
		}
		return lastElement(strings.ReplaceAll(name, ".", "/")), nil
	}
	s, err := parseSchema(db, model)
	if err != nil {
		return "", fmt.Errorf("model %T: %w", model, err)
	}
	return lastElement(strings.ReplaceAll(s.Table, ".", "/")), nil
}

// model is what is known of a table before the database is asked.
type model struct {
	schema     *schema.Schema // nil without a model
	table      string
	recordType string
	plan       *redact.Plan
	audited    bool
	keep       bool
	require    audit.Requirement
	ignored    map[string]bool // by column
	timestamps map[string]bool // columns GORM sets by itself on update
	softDelete []string        // columns whose zero value means not deleted
	err        error           // reported at the first write
}

type modelKey struct {
	schema *schema.Schema
	table  string
}

func (p *Plugin) modelFor(s *schema.Schema, table string) *model {
	key := modelKey{s, table}
	if m, ok := p.models.Load(key); ok {
		return m.(*model)
	}
	m := p.newModel(s, table)
	actual, _ := p.models.LoadOrStore(key, m)
	p.learn(table, s)
	return actual.(*model)
}

// learn remembers a table's model for statements that do not name it.
func (p *Plugin) learn(table string, s *schema.Schema) {
	if s != nil && s.ModelType != nil && s.ModelType.Name() != "" {
		p.schemas.LoadOrStore(table, s)
	}
}

// learnOptions does so for the models that the options name.
func (p *Plugin) learnOptions() {
	for _, s := range p.rules.schemas {
		p.learn(lastElement(strings.ReplaceAll(s.Table, ".", "/")), s)
	}
}

func (p *Plugin) newModel(s *schema.Schema, table string) *model {
	m := &model{schema: s, table: table, recordType: table, ignored: map[string]bool{}, timestamps: map[string]bool{}}
	m.audited = p.rules.audited(table)
	for _, t := range p.auditTables {
		if strings.EqualFold(t, table) {
			m.audited = false
		}
	}
	policy, ok := p.rules.failure[table]
	if !ok {
		policy = p.cfg.failure
	}
	m.keep = policy == KeepWrite
	if p.cfg.requireActor.all || p.rules.requireActor[table] {
		m.require |= audit.RequireActor
	}
	if p.cfg.requireReason.all || p.rules.requireReason[table] {
		m.require |= audit.RequireReason
	}
	for _, c := range p.cfg.columns {
		if t, col, qualified := strings.Cut(c, "."); !qualified {
			m.ignored[c] = true
		} else if t == table {
			m.ignored[col] = true
		}
	}
	if s == nil {
		m.plan = redact.ForNames(p.redact)
		return m
	}
	m.plan, m.err = redact.ForSchema(s, p.redact)
	if s.ModelType != nil && s.ModelType.Name() != "" {
		m.recordType = schema.NamingStrategy{}.ColumnName("", s.ModelType.Name())
		v := reflect.New(s.ModelType).Interface()
		if n, ok := v.(interface{ AuditName() string }); ok {
			if err := safely(func() error { m.recordType = n.AuditName(); return nil }); err != nil {
				m.err = fmt.Errorf("auditplugin: model %s: AuditName panicked", s.Name)
			}
		}
		if r, ok := v.(interface{ AuditRequires() audit.Requirement }); ok {
			if err := safely(func() error { m.require |= r.AuditRequires(); return nil }); err != nil {
				m.err = fmt.Errorf("auditplugin: model %s: AuditRequires panicked", s.Name)
			}
		}
	}
	for _, f := range s.Fields {
		if f.DBName == "" {
			continue
		}
		if f.AutoUpdateTime > 0 {
			m.timestamps[f.DBName] = true
		}
		if _, ok := reflect.New(f.IndirectFieldType).Interface().(schema.DeleteClausesInterface); ok {
			m.softDelete = append(m.softDelete, f.DBName)
		}
	}
	return m
}

func (r *modelRules) audited(table string) bool {
	if len(r.include) > 0 && !r.include[table] {
		return false
	}
	return !r.exclude[table]
}

// schemaOf finds the schema of a table reached without its model: a cascade's
// child, by a relation of the parent, or as seen in an earlier statement.
func (p *Plugin) schemaOf(parent *schema.Schema, table string) *schema.Schema {
	if parent != nil {
		for _, rel := range parent.Relationships.Relations {
			if rel.FieldSchema != nil && rel.FieldSchema.Table == table {
				return rel.FieldSchema
			}
			if rel.JoinTable != nil && rel.JoinTable.Table == table {
				return rel.JoinTable
			}
		}
	}
	if s, ok := p.schemas.Load(table); ok {
		return s.(*schema.Schema)
	}
	return nil
}

func lastElement(path string) string {
	return path[strings.LastIndexByte(path, '/')+1:]
}
