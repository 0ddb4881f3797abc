package table

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"

	"gorm.io/gorm/schema"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/internal/catalog"
	"github.com/gorm-audit/auditplugin/internal/dialect"
)

// Registry remembers the models and tables that were met. All models of a table share one
// set of rules, so a model that is met later changes what the others show. It is safe for
// concurrent use.
type Registry struct {
	Dialect *dialect.Dialect
	Rules   *Rules

	trails []string // the audit tables, without schemas
	models sync.Map // modelKey → *Model
	tables sync.Map // tableKey → *Table, as of the catalog's last answer

	mu      sync.Mutex
	sources map[string]sources    // by Rules.key of the table; the lists are only read
	related map[reflect.Type]bool // whose relations are known
}

type modelKey struct {
	schema *schema.Schema
	table  string
}

type tableKey struct {
	model *Model
	name  Name
	in    *catalog.Cache
}

// NewRegistry is for one database, in which the given audit tables, named without
// schemas, are not audited.
func NewRegistry(d *dialect.Dialect, r *Rules, auditTables []string) *Registry {
	reg := &Registry{
		Dialect: d, Rules: r, trails: auditTables,
		sources: map[string]sources{}, related: map[reflect.Type]bool{},
	}
	reg.mu.Lock()
	defer reg.mu.Unlock()
	for _, s := range r.schemas {
		reg.learn(Bare(s.Table), s, byOption)
	}
	return reg
}

// Model is what is known of a table; s is the schema that the statement has. Where that is
// nil, it is the one by which the table is known best, if any.
func (r *Registry) Model(s *schema.Schema, table string) *Model {
	key := modelKey{s, table}
	if m, ok := r.models.Load(key); ok {
		return m.(*Model)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.learn(table, s, byWrite)
	all := r.sources[r.Rules.key(table)]
	if s == nil {
		s = all.first()
	}
	m := newModel(r.Rules, s, all.from(s), r.spelt(all, table), r.isTrail(table))
	r.models.Store(key, m)
	return m
}

func (r *Registry) isTrail(table string) bool {
	return slices.ContainsFunc(r.trails, func(t string) bool { return strings.EqualFold(t, table) })
}

// spelt is a table's name as its own models spell it, which a statement need not where
// case does not matter.
func (r *Registry) spelt(all sources, table string) string {
	for _, s := range all {
		if name := Bare(s.schema.Table); s.rank != borrowed && r.Rules.same(name, table) {
			return name
		}
	}
	return r.Rules.spelt(table)
}

// SchemaOf is the schema by which a table is known best: that of a model that an option
// names, that was written by, or that another model refers to; nil where there is none.
func (r *Registry) SchemaOf(table string) *schema.Schema {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.sources[r.Rules.key(table)].first()
}

// Table is a table as the database describes it. The catalog is asked through conn, which
// must be the connection of the statement: a pool of one connection has no other. known is
// what is remembered of its database, nil where that may not hold on it.
func (r *Registry) Table(ctx context.Context, conn audit.Conn, known *catalog.Cache, m *Model, name Name) (*Table, error) {
	described, err := r.describe(ctx, conn, known, name)
	if err != nil {
		return nil, fmt.Errorf("auditplugin: reading the catalog for table %q: %w", name.Name, err)
	}
	key := tableKey{m, name, known}
	if t, ok := r.tables.Load(key); ok && t.(*Table).Catalog == described {
		return t.(*Table), nil
	}
	t := New(r.Dialect, m, described, name)
	if known != nil && described.Kind != catalog.Missing {
		r.tables.Store(key, t)
	}
	return t, nil
}

func (r *Registry) describe(ctx context.Context, conn audit.Conn, known *catalog.Cache, name Name) (*catalog.Table, error) {
	if known == nil {
		return catalog.Load(ctx, conn, r.Dialect.Name(), name.Schema, name.Name)
	}
	return known.Get(ctx, conn, r.Dialect.Name(), name.Schema, name.Name)
}

// Known reports whether the catalog need not be asked for a table.
func (r *Registry) Known(known *catalog.Cache, name Name) bool {
	if known == nil {
		return false
	}
	_, ok := known.Peek(r.Dialect.Name(), name.Schema, name.Name)
	return ok
}

// KeyColumns are the columns that make up a row's id in records, and the database's names
// for their types, "" where it does not tell.
func (r *Registry) KeyColumns(ctx context.Context, conn audit.Conn, known *catalog.Cache, s *schema.Schema, name Name) (names, types []string, err error) {
	described, err := r.describe(ctx, conn, known, name)
	if err != nil {
		return nil, nil, fmt.Errorf("auditplugin: reading the catalog for table %q: %w", name.Name, err)
	}
	if len(described.Columns) == 0 && s != nil {
		return s.PrimaryFieldDBNames, make([]string, len(s.PrimaryFieldDBNames)), nil
	}
	t := &Table{Model: &Model{Schema: s}, Catalog: described, Index: map[string]int{}}
	for i, c := range described.Columns {
		t.Index[c.Name] = i
	}
	t.findKey()
	for _, i := range t.Key {
		names = append(names, described.Columns[i].Name)
		types = append(types, described.Columns[i].DBType)
	}
	return names, types, nil
}

// ParseName is a name as people write it, "schema.table" or "table".
func ParseName(dotted string) Name {
	schemaName, name, qualified := strings.Cut(dotted, ".")
	if !qualified {
		return Name{Name: dotted, Alias: dotted, Simple: true}
	}
	return Name{Schema: schemaName, Name: name, Alias: dotted, Simple: true}
}
