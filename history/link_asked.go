package history

import (
	"context"
	"slices"
	"strings"

	"gorm.io/gorm/clause"

	"github.com/gorm-audit/auditplugin/history/internal/condition"
	"github.com/gorm-audit/auditplugin/internal/catalog"
	"github.com/gorm-audit/auditplugin/internal/values"
)

// asked is what belongs to each of the tuples that a link's right columns are asked for.
// Where the database does not tell case apart, a row belongs to one that it spells otherwise.
type asked[T any] struct {
	l       *link
	tuples  [][]any
	byTuple map[string][]T
	loose   bool
	folded  map[string][][]any // those that differ in case and padding only
	others  map[string][]T     // what else belongs to a spelling, once that is known
}

func newAsked[T any](l *link) *asked[T] {
	return &asked[T]{l: l, byTuple: map[string][]T{}, folded: map[string][][]any{}, others: map[string][]T{}}
}

// add asks for a tuple, unless a part of it is NULL.
func (a *asked[T]) add(vals []any, what T) {
	text := tuple(vals)
	if text == "" {
		return
	}
	if a.byTuple[text] == nil {
		a.tuples = append(a.tuples, vals)
		a.folded[fold(vals)] = append(a.folded[fold(vals)], vals)
	}
	a.byTuple[text] = append(a.byTuple[text], what)
}

// of returns what belongs to the values of a row's right columns.
func (a *asked[T]) of(ctx context.Context, vals []any) ([]T, error) {
	text := tuple(vals)
	if text == "" || !a.loose {
		return a.byTuple[text], nil
	}
	others, known := a.others[text]
	if !known {
		for _, like := range a.folded[fold(vals)] {
			if tuple(like) == text {
				continue
			}
			same, err := a.l.to.sameValues(ctx, a.l.right, vals, like)
			if err != nil {
				return nil, err
			}
			if same {
				others = append(others, a.byTuple[tuple(like)]...)
			}
		}
		a.others[text] = others
	}
	return slices.Concat(a.byTuple[text], others), nil
}

// fold is the same for values that differ in case and padding only.
func fold(vals []any) string {
	texts := make([]string, len(vals))
	for n, v := range vals {
		texts[n] = strings.TrimRight(strings.ToLower(values.KeyText(v)), " ")
	}
	return strings.Join(texts, "\x00")
}

// ignoresCase reports whether the database does not tell case apart in one of the right
// columns.
func (l *link) ignoresCase(ctx context.Context) (bool, error) {
	for _, i := range l.right {
		c := &l.to.columns[i]
		if c.anyCase == nil {
			same, err := l.to.sameInAnyCase(ctx, i)
			if err != nil {
				return false, err
			}
			c.anyCase = &same
		}
		if *c.anyCase {
			return true, nil
		}
	}
	return false, nil
}

// lettered are the types of columns to which any text can be compared.
var lettered = []string{"CHAR", "VARCHAR", "CHARACTER", "BPCHAR", "CITEXT", "TEXT", "TINYTEXT", "MEDIUMTEXT", "LONGTEXT", "NVARCHAR", "NCHAR", "NAME"}

func (t *rowTable) sameInAnyCase(ctx context.Context, i int) (bool, error) {
	c := &t.columns[i]
	name, _, _ := strings.Cut(strings.ToUpper(c.dbType), "(")
	name, _, _ = strings.Cut(strings.TrimSpace(name), " ")
	if t.tbl.Kind == catalog.Missing || !c.rule.IsText() || !slices.Contains(lettered, name) {
		return false, nil
	}
	return t.sameText(ctx, i, "a", "A")
}

// inAnyCase adds the rows whose records have one of some ids in another case.
func (c *candidates) inAnyCase(ctx context.Context, t *rowTable, ids []string) error {
	for some := range slices.Chunk(ids, idsAtOnce) {
		q := t.q.ofTable(t.name).rows().where(func(*builder) (clause.Expression, error) {
			e := clause.Expr{SQL: "LOWER(?) IN (" + strings.TrimSuffix(strings.Repeat("LOWER(?),", len(some)), ",") + ")", Vars: []any{condition.Column("record_id")}}
			for _, id := range some {
				e.Vars = append(e.Vars, id)
			}
			return e, nil
		})
		found, err := t.recordIDs(ctx, q, 0)
		if err != nil {
			return err
		}
		for _, recordID := range found {
			if key := t.keyOfID(recordID); key != nil {
				c.ids[recordID] = rowID{recordID: recordID, key: key}
			}
		}
	}
	return nil
}

// addByKey adds the rows that have the tuples for a key.
func (c *candidates) addByKey(ctx context.Context, l *link, tuples [][]any, loose bool) error {
	t := l.to
	var keys [][]any
	var names []string
	for _, vals := range tuples {
		id, err := l.identify(vals)
		if err != nil {
			return err
		}
		c.ids[id.recordID] = id
		keys, names = append(keys, id.key), append(names, id.recordID)
	}
	if err := t.readInto(ctx, keys, false, c.present); err != nil || !loose {
		return err
	}
	for _, raw := range c.present {
		id, err := t.identify(t.keyOf(raw))
		if err != nil {
			return err
		}
		c.ids[id.recordID] = id
	}
	return c.inAnyCase(ctx, t, names)
}

// keyIn takes the right columns' values from a row's key.
func (l *link) keyIn(id rowID) []any {
	vals := make([]any, len(l.right))
	for n, i := range l.right {
		vals[n] = id.key[slices.Index(l.to.key, i)]
	}
	return vals
}
