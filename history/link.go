package history

import (
	"context"
	"fmt"
	"reflect"
	"slices"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"

	"github.com/gorm-audit/auditplugin/internal/catalog"
	"github.com/gorm-audit/auditplugin/internal/values"
)

// link says which rows of a table belong to a row of another: those whose right
// columns hold what its left columns do. An association is one link, a many2many
// two, through the join table.
type link struct {
	from, to    *rowTable
	left, right []int
	// fixed are texts that further columns of to hold, of polymorphic associations.
	fixed map[int]string
}

// tables opens each table once for each model that it has.
type tables struct {
	db  *gorm.DB
	set settings
	// root may have been called otherwise; the others have not.
	root   *schema.Schema
	opened map[modelled]*rowTable
	// thorough walks go on to the rows' ends.
	thorough bool
}

// modelled is a table, and a model of its rows: several may share one.
type modelled struct {
	table string
	model reflect.Type
}

func newTables(db *gorm.DB, set settings, root *rowTable) *tables {
	return &tables{db: db, set: set, root: root.schema, opened: map[modelled]*rowTable{{root.name, root.schema.ModelType}: root}}
}

// close lets go of what giving rows back took.
func (o *tables) close() {
	for _, t := range o.opened {
		t.close()
	}
}

func (o *tables) open(ctx context.Context, s *schema.Schema) (*rowTable, error) {
	which := modelled{s.Table, s.ModelType}
	if t, ok := o.opened[which]; ok {
		return t, nil
	}
	t, err := openTable(ctx, o.db, o.set, s, s.Table)
	if err != nil {
		return nil, err
	}
	t.q.formerly, t.thorough = nil, o.thorough
	o.opened[which] = t
	return t, nil
}

// links returns the way from a branch's parent to its rows.
func (o *tables) links(ctx context.Context, from *rowTable, b *branch) ([]*link, error) {
	to, err := o.open(ctx, b.rel.FieldSchema)
	if err != nil {
		return nil, err
	}
	if b.rel.JoinTable == nil {
		l := &link{from: from, to: to, fixed: map[int]string{}}
		for _, ref := range b.rel.References {
			switch {
			case ref.PrimaryValue != "":
				i, err := to.position(ref.ForeignKey.DBName, b.path)
				if err != nil {
					return nil, err
				}
				l.fixed[i] = ref.PrimaryValue
			case ref.OwnPrimaryKey:
				err = l.pair(ref.PrimaryKey.DBName, ref.ForeignKey.DBName, b.path)
			default:
				err = l.pair(ref.ForeignKey.DBName, ref.PrimaryKey.DBName, b.path)
			}
			if err != nil {
				return nil, err
			}
		}
		return []*link{l}, l.check(b.path)
	}
	join, err := o.open(ctx, b.rel.JoinTable)
	if err != nil {
		return nil, err
	}
	first, second := &link{from: from, to: join}, &link{from: join, to: to}
	for _, ref := range b.rel.References {
		if ref.OwnPrimaryKey {
			err = first.pair(ref.PrimaryKey.DBName, ref.ForeignKey.DBName, b.path)
		} else {
			err = second.pair(ref.ForeignKey.DBName, ref.PrimaryKey.DBName, b.path)
		}
		if err != nil {
			return nil, err
		}
	}
	if err := first.check(b.path); err != nil {
		return nil, err
	}
	return []*link{first, second}, second.check(b.path)
}

func (l *link) pair(left, right, path string) error {
	i, err := l.from.position(left, path)
	if err != nil {
		return err
	}
	n, err := l.to.position(right, path)
	l.left, l.right = append(l.left, i), append(l.right, n)
	return err
}

// position is a column's place. A table that is gone has the model's columns.
func (t *rowTable) position(name, path string) (int, error) {
	i, ok := t.index[name]
	if !ok {
		return 0, fmt.Errorf("%w: association %q: table %q has no column %q", ErrInvalidQuery, path, t.bare, name)
	}
	return i, nil
}

// check refuses what the records do not tell.
func (l *link) check(path string) error {
	if len(l.left) == 0 {
		return fmt.Errorf("%w: association %q has no columns", ErrInvalidQuery, path)
	}
	for _, i := range l.right {
		if c := l.to.columns[i]; (c.secret || c.ignored) && !l.byKey() {
			return fmt.Errorf("%w: association %q by column %q", ErrRedacted, path, c.name)
		}
	}
	for _, i := range l.left {
		if c := l.from.columns[i]; (c.secret || c.ignored) && !l.ofKey() {
			return fmt.Errorf("%w: association %q by column %q", ErrRedacted, path, c.name)
		}
	}
	return nil
}

// ofKey reports whether the left columns are part of the rows' key, byKey whether the
// right ones are the whole of it: then a row is named without looking for it.
func (l *link) ofKey() bool {
	return !slices.ContainsFunc(l.left, func(i int) bool { return !slices.Contains(l.from.key, i) })
}

func (l *link) byKey() bool {
	return len(l.right) == len(l.to.key) && len(l.fixed) == 0 &&
		!slices.ContainsFunc(l.to.key, func(i int) bool { return !slices.Contains(l.right, i) })
}

// identify names the row whose right columns hold the values.
func (l *link) identify(vals []any) (rowID, error) {
	key := make([]any, len(l.to.key))
	for n, k := range l.to.key {
		key[n] = vals[slices.Index(l.right, k)]
	}
	return l.to.identify(key)
}

// leftOfKey takes the left columns' values from a key; nil if that is not known.
func (l *link) leftOfKey(id rowID) []any {
	if id.key == nil {
		return nil
	}
	vals := make([]any, len(l.left))
	for n, i := range l.left {
		vals[n] = id.key[slices.Index(l.from.key, i)]
	}
	return vals
}

// tuple is what the values of both sides are compared by; "" where one is NULL,
// which belongs to nothing.
func tuple(vals []any) string {
	texts := make([]any, len(vals)+1)
	texts[len(vals)] = "" // so that it is never the text of one value
	for n, v := range vals {
		if v == nil {
			return ""
		}
		texts[n] = values.KeyText(v)
	}
	return values.RecordID(texts)
}

// present reads the rows that have one of the tuples now, which must be few enough
// for one condition each.
func (l *link) present(ctx context.Context, tuples [][]any) ([][]any, error) {
	var all [][]any
	if l.to.tbl.Kind == catalog.Missing {
		return nil, nil
	}
	size := keysAtOnce
	if len(l.right) == 1 {
		size = idsAtOnce
	}
	for some := range slices.Chunk(tuples, size) {
		where, err := l.holds(ctx, some)
		if err != nil {
			return nil, err
		}
		rows, err := l.to.selectRows(ctx, func(tx *gorm.DB) *gorm.DB {
			tx = tx.Where(where)
			for i, text := range l.fixed {
				tx = tx.Where(clause.Eq{Column: clause.Column{Name: l.to.columns[i].name}, Value: text})
			}
			return tx
		})
		if err != nil {
			return nil, err
		}
		all = append(all, rows...)
	}
	return all, nil
}

// holds is the condition that the right columns hold one of the tuples.
func (l *link) holds(ctx context.Context, tuples [][]any) (clause.Expression, error) {
	columns := make([]clause.Column, len(l.right))
	for n, i := range l.right {
		columns[n] = clause.Column{Name: l.to.columns[i].name}
	}
	rows := make([][]any, len(tuples))
	for at, vals := range tuples {
		rows[at] = make([]any, len(vals))
		for n, v := range vals {
			var err error
			if rows[at][n], err = l.to.argument(ctx, l.right[n], v); err != nil {
				return nil, err
			}
		}
	}
	return oneOfRows(columns, rows), nil
}

const (
	// idsAtOnce is how many texts stand in one condition.
	idsAtOnce = 500
	// keysAtOnce is how many conditions on several columns are joined by OR: SQLite
	// refuses an expression that is nested more than 1,000 deep.
	keysAtOnce = 200
)
