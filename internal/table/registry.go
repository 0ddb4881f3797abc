package table

import (
	"context"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

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
	Catalog *catalog.Cache
	Rules   *Rules
	// TenantOf is the tenant whose schema it is, "" for none; or nil.
	TenantOf func(schema string) string
	// Logger is where warnings go; nil for nowhere.
	Logger func() *slog.Logger

	warned sync.Map // by Rules.key of tables whose key is a secret
	trails []string // the audit tables, without schemas
	models sync.Map // modelKey → *Model
	tables sync.Map // tableKey → *Table, as of the catalog's last answer
	held   atomic.Int32

	mu      sync.Mutex
	sources map[string]sources    // by Rules.key of the table; the lists are only read
	related map[reflect.Type]bool // whose relations are known
}

type modelKey struct {
	schema *schema.Schema
	table  string
}

// maxTables bounds how many tables are held: each search path has its own.
const maxTables = 4096

type tableKey struct {
	model *Model
	name  Name
	place catalog.Place
}

// Source is a connection that the catalog is asked on, that of the statement: a pool of
// one connection has no other.
type Source interface {
	// Place is where the connection looks names up. certain says that what is remembered
	// of that place holds.
	Place(ctx context.Context) (p catalog.Place, certain bool, err error)
	// LoadTable asks the catalog.
	LoadTable(ctx context.Context, schema, table string) (*catalog.Table, error)
}

// NewRegistry is for one database, in which the given audit tables, named without
// schemas, are not audited.
func NewRegistry(d *dialect.Dialect, c *catalog.Cache, r *Rules, auditTables []string) *Registry {
	reg := &Registry{
		Dialect: d, Catalog: c, Rules: r, trails: auditTables,
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

// Label is a table's name as a model of its own, or an option, spells it, and "" for any
// other: there are no more of them than models, whatever tables are written to.
func (r *Registry) Label(table string) string {
	key := r.Rules.key(table)
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range r.sources[key] {
		if s.rank != borrowed {
			return Bare(s.schema.Table)
		}
	}
	return r.Rules.names[key]
}

// Table is a table as the database describes it.
func (r *Registry) Table(ctx context.Context, from Source, m *Model, name Name) (*Table, error) {
	place, certain, err := from.Place(ctx)
	var described *catalog.Table
	if err == nil {
		described, err = r.describe(ctx, from, r.key(place, name), certain)
	}
	if err != nil {
		return nil, fmt.Errorf("auditplugin: reading the catalog for table %q: %w", name.Name, err)
	}
	key := tableKey{m, name, place}
	if known, ok := r.tables.Load(key); ok && known.(*Table).Catalog == described {
		return known.(*Table), nil
	}
	t := New(r.Dialect, m, described, name)
	if r.TenantOf != nil {
		t.Tenant = r.TenantOf(described.Schema)
	}
	r.warnSecretKey(ctx, t)
	if certain && described.Kind != catalog.Missing {
		if _, again := r.tables.Swap(key, t); !again && r.held.Add(1) > maxTables {
			r.tables.Clear()
			r.held.Store(0)
		}
	}
	return t, nil
}

func (r *Registry) key(place catalog.Place, name Name) catalog.Key {
	return catalog.Key{Dialect: r.Dialect.Name(), Place: place, Schema: name.Schema, Table: name.Name}
}

func (r *Registry) describe(ctx context.Context, from Source, key catalog.Key, certain bool) (*catalog.Table, error) {
	load := func() (*catalog.Table, error) { return from.LoadTable(ctx, key.Schema, key.Table) }
	if !certain {
		return load()
	}
	return r.Catalog.Get(key, load)
}

// Known is what is remembered of a table, nil where the catalog has to be asked.
func (r *Registry) Known(ctx context.Context, from Source, name Name) *catalog.Table {
	place, certain, err := from.Place(ctx)
	if err != nil || !certain {
		return nil
	}
	known, _ := r.Catalog.Peek(r.key(place, name))
	return known
}

// Forget forgets a table of which something is known to be out of date.
func (r *Registry) Forget(ctx context.Context, from Source, name Name) {
	if place, _, err := from.Place(ctx); err == nil {
		r.Catalog.Forget(r.key(place, name))
	}
}

// KeyColumns are the columns that make up a row's id in records, and the database's names
// for their types, "" where it does not tell; place is where conn looks names up.
func (r *Registry) KeyColumns(ctx context.Context, conn audit.Conn, place catalog.Place, s *schema.Schema, name Name) (names, types []string, err error) {
	described, err := r.Catalog.Get(r.key(place, name), func() (*catalog.Table, error) {
		return catalog.Load(ctx, conn, r.Dialect.Name(), name.Schema, name.Name)
	})
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
