package history

import (
	"context"
	"fmt"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/internal/catalog"
	"github.com/gorm-audit/auditplugin/internal/dialect"
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
	facts   *dialect.Facts // of db's dialect
	schema  *schema.Schema // nil without a model
	name    string         // as the application names it
	bare    string
	columns []rowColumn
	index   map[string]int
	key     []int
	// thorough walks go on to the row's end when all columns are known.
	thorough bool
	// begun is the event that says since when changes are recorded, left what prunings
	// have left; nil while that is not known.
	begun  **audit.Record
	left   *pruned
	types  []string       // of the records of its rows, once known
	speaks time.Time      // the earliest moment at which the trail is known to have begun
	raws   []audit.Record // statements that may have deleted rows, once known
	player *replay.Player // gives rows back; see close
	// refs are the foreign keys, and selfReferring tells that one is to the table itself;
	// known during a revert.
	refs          []catalog.Reference
	selfReferring bool
	tbl           *catalog.Table
	plan          *redact.Plan
	clocks        map[string]values.Clock // of the driver's times, by type, once known
	// naming is the column that names a row of a table of settings, or -1.
	naming int
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
	setting bool // a value that may be a secret, as the row's own name says
	// computed columns can not be written.
	computed bool
	// touched columns are set by GORM, or the database, on every update.
	touched bool
	notNull bool
	// onUpdate columns are set by the database on an update that does not name them,
	// counts ones count the updates, and identity ones refuse values.
	onUpdate, counts, identity bool
	// stamps are times that GORM sets by itself.
	stamps bool
	// soft is how the column deletes rows, nil where it does not.
	soft *values.SoftDelete
	// bytes tells that the model sends bytes for a text, once that is known.
	bytes *bool
	// anyCase tells that the database does not tell case apart, once that is known.
	anyCase *bool
}

// openModel opens the table that a handle and a model mean.
func openModel(ctx context.Context, db *gorm.DB, set settings, s *schema.Schema) (*rowTable, error) {
	name, err := tableOf(db, s)
	if err != nil {
		return nil, err
	}
	return openTable(ctx, db, set, s, name)
}

// openTable reads the catalog. s may be nil. keys are the key's columns, in the
// order of record ids.
func openTable(ctx context.Context, db *gorm.DB, set settings, s *schema.Schema, name string) (*rowTable, error) {
	tx, err := session(ctx, db)
	if err != nil {
		return nil, err
	}
	t := &rowTable{settings: set, db: tx, facts: dialect.FactsOf(tx.Name()), schema: s, name: name, bare: bareTable(name), index: map[string]int{}}
	t.q = set.ask(Search(tx))
	if schemaOfTable(name) != "" { // asked once, not with each question
		if _, b, err := t.q.conditioned(ctx); err == nil {
			t.q.recorded = map[string][]any{name: b.recordedNames(name)}
		}
	}
	if t.tbl, err = catalog.Load(ctx, tx.Statement.ConnPool, tx.Name(), schemaOfTable(name), t.bare); err != nil {
		return nil, err
	}
	if p, ok := tx.Plugins["auditplugin"].(interface{ Found(string, *catalog.Table) }); ok {
		p.Found(name, t.tbl) // which would write by what it remembers
	}
	t.plan = redact.ForNames(t.bare, redact.Config{})
	if s != nil {
		// Only to know what is protected; nothing is hashed with this key.
		if t.plan, err = redact.ForTable(s, t.bare, redact.Config{HashKey: make([]byte, 16)}); err != nil {
			return nil, err
		}
	}
	for _, c := range t.tbl.Columns {
		if c.Selectable {
			t.add(c)
		}
	}
	if len(t.columns) == 0 && s != nil { // an unknown dialect, or a table that is gone
		for _, name := range s.DBNames {
			t.add(catalog.Column{Name: name})
		}
	}
	if err := t.askPlugin(); err != nil {
		return nil, err
	}
	t.findSettings()
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

func (t *rowTable) add(found catalog.Column) {
	name := found.Name
	c := rowColumn{name: name, dbType: found.DBType, computed: found.Generated, notNull: found.NotNull, ignored: t.plan.Ignored(name), drops: t.plan.Drops(name), secret: t.plan.Sensitive(name)}
	if t.schema != nil {
		c.field = t.schema.FieldsByDBName[name]
	}
	if c.field != nil {
		if soft, ok := values.SoftDeleteOf(c.field); ok {
			c.soft = &soft
		}
	}
	c.identity = found.AutoIncrement && t.facts.IdentityRefuses && t.tbl.Kind != catalog.View
	c.stamps = isStamp(name, c.field)
	c.classify(found)
	c.rule = values.For(t.db.Name(), values.Column{Name: name, Field: c.field, DBType: found.DBType, Size: found.Size, Scale: found.Scale})
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
	if row, ok := tableRow(model); ok {
		return t.idOfRow(row)
	}
	row, err := structOf(model)
	if err != nil {
		return rowID{}, err
	}
	target, err := targetIn(ctx, t.db, t.schema, t.name, row)
	if err != nil {
		return rowID{}, err
	}
	return rowID{target.recordID, target.keyValues}, nil
}

// identify names the row with the given key.
func (t *rowTable) identify(key []any) (rowID, error) {
	target, err := t.identifyKey(key)
	return rowID{target.recordID, target.keyValues}, err
}

func (t *rowTable) identifyKey(key []any) (recordTarget, error) {
	names, types := make([]string, len(t.key)), make([]string, len(t.key))
	for i, k := range t.key {
		names[i], types[i] = t.columns[k].name, t.columns[k].dbType
	}
	return identify(t.db, t.schema, t.name, names, types, key)
}

// keyOf takes the key of a present row.
func (t *rowTable) keyOf(raw []any) []any {
	key := make([]any, len(t.key))
	for i, k := range t.key {
		key[i] = t.columns[k].rule.Normalise(raw[k])
	}
	return key
}

// read returns the present rows with the given keys, as the driver gives them.
func (t *rowTable) read(ctx context.Context, keys [][]any, lock bool) ([][]any, error) {
	if len(keys) == 0 || t.tbl.Kind == catalog.Missing {
		return nil, nil
	}
	where, err := t.keyCondition(ctx, keys)
	if err != nil {
		return nil, err
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
		list.Exprs = append(list.Exprs, clause.Expr{SQL: t.facts.Read("?", c.dbType), Vars: []any{clause.Column{Name: c.name}}})
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
