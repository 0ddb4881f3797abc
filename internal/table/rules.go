package table

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/schema"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/internal/fault"
	"github.com/gorm-audit/auditplugin/internal/redact"
)

// Options are the plugin's options that name models. A model is a struct, a pointer to
// one, or the name of a table.
type Options struct {
	Include, Exclude            []any
	RequireActor, RequireReason Models
	// NoActor are written to by nobody, by design.
	NoActor Models
	// KeepAll keeps writes of all models that can not be recorded, Keep and Refuse do
	// and do not so for some.
	KeepAll      bool
	Keep, Refuse []any
	// Actions limit what is recorded of rows.
	Actions []ActionRule
	// Columns are never recorded: "phone" in every table, or "users.phone" in one.
	Columns []string
	Redact  redact.Config
}

// Models are some models, or all.
type Models struct {
	All  bool
	Some []any
}

// Rules are such options by table.
type Rules struct {
	include, exclude            map[string]bool
	keep                        map[string]bool
	keepAll                     bool
	requireActor, requireReason map[string]bool
	allActor, allReason         bool
	noActor                     map[string]bool
	allNoActor                  bool
	leftOut                     map[string]Actions
	leftOutElse                 Actions // of tables that have no rule of their own
	columns                     []string
	redact                      redact.Config
	// schemas are those of the models named, which raw SQL may write to before
	// GORM does.
	schemas []*schema.Schema

	dialect string
	key     func(table string) string // the same for names of one table
	names   map[string]string         // by key, as options spell them
	parse   func(model any) (*schema.Schema, error)
}

// ParseRules finds the tables of the models in options.
func ParseRules(db *gorm.DB, o Options) (*Rules, error) {
	r := &Rules{
		keepAll: o.KeepAll, allActor: o.RequireActor.All, allReason: o.RequireReason.All, allNoActor: o.NoActor.All,
		columns: o.Columns, redact: o.Redact, keep: map[string]bool{},
		dialect: db.Name(), key: folding(db.Name()), names: map[string]string{},
		parse: func(model any) (*schema.Schema, error) { return parseSchema(db, model) },
	}
	for _, set := range []struct {
		option string
		models []any
		into   *map[string]bool
	}{
		{"WithModels", o.Include, &r.include},
		{"WithoutModels", o.Exclude, &r.exclude},
		{"WithRequiredActor", o.RequireActor.Some, &r.requireActor},
		{"WithRequiredReason", o.RequireReason.Some, &r.requireReason},
		{"WithoutActor", o.NoActor.Some, &r.noActor},
	} {
		tables, err := r.tablesOf(db, set.option, set.models)
		if err != nil {
			return nil, err
		}
		*set.into = tables
	}
	for name := range r.exclude {
		if r.include[name] {
			return nil, fmt.Errorf("%w: table %q is in both WithModels and WithoutModels", fault.ErrInvalidOption, name)
		}
	}
	if err := r.limitActions(db, o.Actions); err != nil {
		return nil, err
	}
	for name := range r.noActor {
		if r.allActor || r.requireActor[name] {
			return nil, fmt.Errorf("%w: table %q requires an actor and is in WithoutActor", fault.ErrInvalidOption, name)
		}
	}
	for _, set := range []struct {
		models []any
		keep   bool
	}{{o.Refuse, false}, {o.Keep, true}} {
		tables, err := r.tablesOf(db, "WithFailurePolicy", set.models)
		if err != nil {
			return nil, err
		}
		for name := range tables {
			if _, twice := r.keep[name]; twice {
				return nil, fmt.Errorf("%w: WithFailurePolicy: table %q is given two policies", fault.ErrInvalidOption, name)
			}
			r.keep[name] = set.keep
		}
	}
	// A model that is named can be checked now rather than at its first write.
	checked := slices.Concat(o.Include, o.RequireActor.Some, o.RequireReason.Some, o.NoActor.Some, o.Refuse, o.Keep)
	for _, a := range o.Actions {
		checked = append(checked, a.Models...)
	}
	for _, m := range checked {
		if s, err := parseSchema(db, m); err == nil && s != nil {
			if _, err := redact.ForSchema(s, o.Redact); err != nil {
				return nil, err
			}
			r.schemas = append(r.schemas, s)
		}
	}
	return r, nil
}

func (r *Rules) tablesOf(db *gorm.DB, option string, models []any) (map[string]bool, error) {
	set := make(map[string]bool, len(models))
	for _, m := range models {
		name, err := tableOf(db, m)
		if err != nil {
			return nil, fmt.Errorf("%w: %s: %w", fault.ErrInvalidOption, option, err)
		}
		key := r.key(name)
		set[key], r.names[key] = true, name
	}
	return set, nil
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
			return "", errors.New("empty table name")
		}
		return Bare(name), nil
	}
	s, err := parseSchema(db, model)
	if err != nil {
		return "", fmt.Errorf("model %T: %w", model, err)
	}
	return Bare(s.Table), nil
}

// Counts are how many tables the rules include and exclude by name.
func (r *Rules) Counts() (included, excluded int) { return len(r.include), len(r.exclude) }

// same reports whether two names are those of one table.
func (r *Rules) same(a, b string) bool { return r.key(a) == r.key(b) }

// spelt is a table's name as an option spells it, if one does.
func (r *Rules) spelt(table string) string {
	if name, ok := r.names[r.key(table)]; ok {
		return name
	}
	return table
}

// Audits reports whether the options leave the table in.
func (r *Rules) Audits(table string) bool {
	table = r.key(table)
	if len(r.include) > 0 && !r.include[table] {
		return false
	}
	return !r.exclude[table]
}

func (r *Rules) keeps(table string) bool {
	if keep, ok := r.keep[r.key(table)]; ok {
		return keep
	}
	return r.keepAll
}

func (r *Rules) requires(table string) audit.Requirement {
	table = r.key(table)
	var require audit.Requirement
	if r.allActor || r.requireActor[table] {
		require |= audit.RequireActor
	}
	if r.allReason || r.requireReason[table] {
		require |= audit.RequireReason
	}
	return require
}

// nobody reports whether a table is written to by nobody, by design.
func (r *Rules) nobody(table string) bool { return r.allNoActor || r.noActor[r.key(table)] }

// ignored are the columns of a table that are never recorded, in lower case.
func (r *Rules) ignored(table string) map[string]bool {
	columns := map[string]bool{}
	for _, c := range r.columns {
		if t, column, qualified := strings.Cut(c, "."); !qualified {
			columns[strings.ToLower(c)] = true
		} else if r.same(t, table) {
			columns[strings.ToLower(column)] = true
		}
	}
	return columns
}

// OfModel is the table of a model that is a struct, a pointer to one, or the name of a
// table, and its schema, nil for a name.
func OfModel(db *gorm.DB, model any) (Name, *schema.Schema, error) {
	if name, ok := model.(string); ok {
		stmt := gorm.Statement{Table: name}
		if n, named := NameOf(&stmt); named {
			return n, nil, nil
		}
		return Name{}, nil, errors.New("empty table name")
	}
	s, err := parseSchema(db, model)
	if err != nil {
		return Name{}, nil, fmt.Errorf("model %T: %w", model, err)
	}
	n, _ := NameOf(&gorm.Statement{Table: s.Table})
	return n, s, nil
}
