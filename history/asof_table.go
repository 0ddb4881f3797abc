package history

import (
	"context"
	"fmt"
	"strings"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"

	"github.com/gorm-audit/auditplugin/internal/catalog"
	"github.com/gorm-audit/auditplugin/internal/redact"
	"github.com/gorm-audit/auditplugin/internal/replay"
	"github.com/gorm-audit/auditplugin/internal/values"
)

// rowTable is a table whose rows are put together column by column.
type rowTable struct {
	settings settings
	// q asks the audit table, db the rows' own database.
	q       Query
	db      *gorm.DB
	schema  *schema.Schema // nil without a model
	name    string         // as the application names it
	bare    string
	columns []rowColumn
	index   map[string]int
	key     []int
	tbl     *catalog.Table
	plan    *redact.Plan
	zone    *time.Location // of the driver's times, once it is known
	// arrived holds the keys that rows came to after the moment asked for, by record
	// id; nil while that is not known.
	arrived map[string]bool
}

type rowColumn struct {
	name    string
	field   *schema.Field
	dbType  string
	rule    values.Rule
	ignored bool // never recorded
	drops   bool // recorded without some of its keys
	secret  bool // protected by a tag or its name
	// computed columns can not be written.
	computed bool
	// touched columns are set by GORM on every update.
	touched bool
}

// openTable reads the catalog. s may be nil. keys are the key's columns, in the
// order of record ids.
func openTable(ctx context.Context, db *gorm.DB, set settings, s *schema.Schema, name string) (*rowTable, error) {
	tx, err := session(ctx, db)
	if err != nil {
		return nil, err
	}
	t := &rowTable{settings: set, db: tx, schema: s, name: name, bare: bareTable(name), index: map[string]int{}}
	t.q = set.ask(Search(tx))
	schemaName := ""
	if cut := strings.LastIndexByte(name, '.'); cut >= 0 {
		schemaName = name[:cut]
	}
	if t.tbl, err = catalog.Load(ctx, tx.Statement.ConnPool, tx.Name(), schemaName, t.bare); err != nil {
		return nil, err
	}
	t.plan = redact.ForNames(redact.Config{})
	if s != nil {
		// Only to know what is protected; nothing is hashed with this key.
		if t.plan, err = redact.ForSchema(s, redact.Config{HashKey: make([]byte, 16)}); err != nil {
			return nil, err
		}
	}
	for _, c := range t.tbl.Columns {
		if c.Selectable {
			t.add(c.Name, c.DBType, c.Generated)
		}
	}
	if len(t.columns) == 0 && s != nil { // an unknown dialect, or a table that is gone
		for _, name := range s.DBNames {
			t.add(name, "", false)
		}
	}
	if err := t.askPlugin(); err != nil {
		return nil, err
	}
	names, _, err := keyColumns(ctx, tx, s, name)
	if err != nil {
		return nil, err
	}
	if len(names) == 0 {
		names = t.tbl.PrimaryKey
	}
	for _, n := range names {
		i, ok := t.index[n]
		if !ok {
			return nil, fmt.Errorf("%w: table %q has no column %q", ErrNoKey, t.bare, n)
		}
		t.key = append(t.key, i)
	}
	if len(t.key) == 0 {
		return nil, fmt.Errorf("%w: table %q has none", ErrNoKey, t.bare)
	}
	return t, nil
}

// askPlugin replaces what the model at hand says of its columns by what the plugin knows of
// all models of the table.
func (t *rowTable) askPlugin() (err error) {
	p, ok := t.db.Plugins["auditplugin"].(interface {
		Hides(s *schema.Schema, table, column string) (never, partly, secret bool, err error)
	})
	if !ok {
		return nil
	}
	for i := range t.columns {
		c := &t.columns[i]
		if c.ignored, c.drops, c.secret, err = p.Hides(t.schema, t.bare, c.name); err != nil {
			return err
		}
	}
	return nil
}

func (t *rowTable) add(name, dbType string, computed bool) {
	c := rowColumn{name: name, dbType: dbType, computed: computed, ignored: t.plan.Ignored(name), drops: t.plan.Drops(name), secret: t.plan.Sensitive(name)}
	if t.schema != nil {
		c.field = t.schema.FieldsByDBName[name]
	}
	c.touched = c.field != nil && c.field.AutoUpdateTime > 0 || c.field == nil && name == "updated_at"
	c.rule = values.For(t.db.Name(), values.Column{Name: name, Field: c.field, DBType: dbType})
	t.index[name] = len(t.columns)
	t.columns = append(t.columns, c)
}

// rowID is a row: its key in canonical form, and as its records name it.
type rowID struct {
	recordID string
	key      []any // nil when only the records' name is known
}

// idOf names the row that model holds.
func (t *rowTable) idOf(ctx context.Context, model any) (rowID, error) {
	target, err := target(ctx, t.db, model)
	if err != nil {
		return rowID{}, err
	}
	return rowID{target.recordID, target.keyValues}, nil
}

// identify names the row with the given key.
func (t *rowTable) identify(key []any) (rowID, error) {
	names, types := make([]string, len(t.key)), make([]string, len(t.key))
	for i, k := range t.key {
		names[i], types[i] = t.columns[k].name, t.columns[k].dbType
	}
	target, err := identify(t.db, t.schema, t.name, names, types, key)
	if err != nil {
		return rowID{}, err
	}
	return rowID{target.recordID, target.keyValues}, nil
}

// keyOf takes the key of a present row.
func (t *rowTable) keyOf(raw []any) []any {
	key := make([]any, len(t.key))
	for i, k := range t.key {
		key[i] = t.columns[k].rule.Normalise(raw[k])
	}
	return key
}

// argument is a canonical value as the database takes it for a column.
func (t *rowTable) argument(ctx context.Context, i int, v any) any {
	c := &t.columns[i]
	a := c.rule.Argument(v)
	if s, ok := a.(string); ok && c.rule.IsUUID() && c.field != nil {
		// A model may keep it as text or as 16 bytes, and alone knows which.
		row := c.field.Schema
		if row != nil {
			holder := newRow(row)
			if err := c.field.Set(ctx, holder, s); err == nil {
				value, _ := c.field.ValueOf(ctx, holder)
				return value
			}
		}
	}
	return a
}

// read returns the present rows with the given keys, as the driver gives them.
func (t *rowTable) read(ctx context.Context, keys [][]any, lock bool) ([][]any, error) {
	if len(keys) == 0 || t.tbl.Kind == catalog.Missing {
		return nil, nil
	}
	cols := make([]clause.Column, len(t.key))
	for i, k := range t.key {
		cols[i] = clause.Column{Name: t.columns[k].name}
	}
	alternatives := make([]clause.Expression, len(keys))
	for n, key := range keys {
		parts := make([]clause.Expression, len(key))
		for i, v := range key {
			parts[i] = clause.Eq{Column: cols[i], Value: t.argument(ctx, t.key[i], v)}
		}
		alternatives[n] = clause.And(parts...)
	}
	where := alternatives[0]
	if len(alternatives) > 1 {
		where = clause.Or(alternatives...)
	}
	return t.selectRows(ctx, func(tx *gorm.DB) *gorm.DB {
		if lock {
			tx = tx.Clauses(clause.Locking{Strength: clause.LockingStrengthUpdate})
		}
		return tx.Where(where)
	})
}

// one returns the present row with the key, or nil.
func (t *rowTable) one(ctx context.Context, key []any, lock bool) ([]any, error) {
	if key == nil {
		return nil, nil
	}
	rows, err := t.read(ctx, [][]any{key}, lock)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	return rows[0], nil
}

func (t *rowTable) selectRows(ctx context.Context, f func(*gorm.DB) *gorm.DB) ([][]any, error) {
	list := clause.CommaExpression{}
	for _, c := range t.columns {
		sql := "?"
		if t.db.Name() == "mysql" && c.dbType == "FLOAT" {
			sql = "?+0e0" // as text MySQL gives 6 digits
		}
		list.Exprs = append(list.Exprs, clause.Expr{SQL: sql, Vars: []any{clause.Column{Name: c.name}}})
	}
	tx := tableOn(t.db.WithContext(ctx), t.name).Clauses(clause.Select{Expression: list})
	rows, err := f(tx).Rows() //nolint:rowserrcheck // replay.Values asks
	if err != nil {
		return nil, fmt.Errorf("auditplugin: reading table %q: %w", t.bare, err)
	}
	raw, err := replay.Values(rows)
	if err != nil {
		return nil, fmt.Errorf("auditplugin: reading table %q: %w", t.bare, err)
	}
	return raw, nil
}
