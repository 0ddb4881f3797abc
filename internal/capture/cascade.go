package capture

import (
	"slices"
	"strings"

	"github.com/gorm-audit/auditplugin/internal/catalog"
	"github.com/gorm-audit/auditplugin/internal/statement"
	"github.com/gorm-audit/auditplugin/internal/table"
)

// cascade is what happens to parent rows: they are deleted, or some columns change.
type cascade struct {
	deleting bool
	columns  []string
}

// action is what a foreign key does to its child rows then, or "".
func (c cascade) action(fk catalog.ForeignKey) string {
	action := fk.OnUpdate
	if c.deleting {
		action = fk.OnDelete
	} else if !slices.ContainsFunc(fk.RefColumns, func(col string) bool { return slices.Contains(c.columns, col) }) {
		return ""
	}
	if action == "CASCADE" || action == "SET NULL" || action == "SET DEFAULT" {
		return action
	}
	return ""
}

// children are rows of one table that a foreign key may change.
type children struct {
	t      *table.Table
	parent *table.Table
	fk     catalog.ForeignKey
	action string
	rows   []table.Row
	// of holds, by row, the identity of its parent row.
	of    []string
	below []children
}

// parent is what became of a row that children follow.
type parent struct {
	record string      // the record's id
	after  table.Image // nil when the row is gone
}

// cascades reports whether foreign keys carry the change to other rows.
func cascades(s *statement.Statement, t *table.Table, how cascade) bool {
	return slices.ContainsFunc(t.Catalog.Incoming, func(fk catalog.ForeignKey) bool { return how.action(fk) != "" }) &&
		s.Ledger.ForeignKeys(s.Ctx)
}

// findChildren reads the rows that the change will be carried to, before it
// happens: afterwards nothing tells what they were.
func findChildren(s *statement.Statement, t *table.Table, rows []table.Row, how cascade) ([]children, error) {
	// Rows that the statement itself names are its own, also as children of others.
	seen := reached{}
	for _, r := range rows {
		seen[rowOf(t, r.Image)] = true
	}
	return childrenOf(s, t, rows, how, seen)
}

// reached holds the rows that were met, and what happened to them: foreign keys can form
// cycles, and change by one way what is deleted by another.
type reached map[string]bool

func (seen reached) first(t *table.Table, img table.Image, how cascade) bool {
	row := rowOf(t, img)
	again := row + "\x00" + strings.Join(how.columns, "\x00")
	if row == "" || seen[row] || seen[again] {
		return row == ""
	}
	seen[again] = true
	return true
}

// rowOf tells a row of all tables apart: by its key, or by what others may refer to it by; ""
// where it has neither.
func rowOf(t *table.Table, img table.Image) string {
	in := t.Catalog.Schema + "." + t.Catalog.Name + "\x00"
	if len(t.Key) > 0 {
		return in + t.Identity(img)
	}
	for _, unique := range t.Catalog.Uniques {
		if at := t.Positions(unique); len(at) > 0 && !img.HasNull(at) {
			return in + strings.Join(unique, ",") + "\x00" + img.Identity(at)
		}
	}
	return ""
}

func childrenOf(s *statement.Statement, t *table.Table, rows []table.Row, how cascade, seen reached) ([]children, error) {
	if len(rows) == 0 || !cascades(s, t, how) {
		return nil, nil
	}
	var out []children
	for _, fk := range t.Catalog.Incoming {
		action := how.action(fk)
		if action == "" {
			continue
		}
		c, err := childrenBy(s, t, rows, fk)
		if err != nil {
			return nil, err
		}
		next := cascade{columns: fk.Columns}
		if how.deleting && action == "CASCADE" {
			next = cascade{deleting: true}
		}
		c.action = action
		if err := c.forget(s, seen, next); err != nil {
			return nil, err
		}
		if len(c.rows) == 0 {
			continue
		}
		s.Carries(c.t)
		if c.below, err = childrenOf(s, c.t, c.rows, next, seen); err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, nil
}

// childrenBy reads the child rows that one foreign key reaches.
func childrenBy(s *statement.Statement, t *table.Table, rows []table.Row, fk catalog.ForeignKey) (children, error) {
	m := s.Tables.Model(nil, fk.Table)
	if m.Err != nil {
		return children{}, m.Err
	}
	name := table.Name{Schema: fk.Schema, Name: fk.Table, Alias: fk.Table, Simple: true}
	if fk.Schema == t.Catalog.Schema {
		name.Schema = t.Name.Schema // as the application names the parent
	}
	ct, err := s.TableFor(m, name)
	if err != nil {
		s.Ledger.Failed(err)
		return children{}, s.Unreadable(err)
	}
	c := children{t: ct, parent: t, fk: fk}
	refs, cols := t.Positions(fk.RefColumns), ct.Positions(fk.Columns)
	if refs == nil || cols == nil {
		if !ct.Audited {
			return c, nil
		}
		return c, s.Refuse("the role may not read the columns by which table %s follows it", fk.Table)
	}
	parents := map[string]string{}
	var tuples [][]any
	for _, r := range rows {
		tuple := make([]any, len(refs))
		null := false
		for i, k := range refs {
			tuple[i] = table.Param(r.Image[k], r.Raw[k])
			null = null || r.Image[k] == nil
		}
		if id := r.Image.Identity(refs); !null && parents[id] == "" {
			parents[id] = t.Identity(r.Image)
			tuples = append(tuples, tuple)
		}
	}
	if c.rows, err = s.ReadReferring(ct, fk, tuples, s.Dialect.ChildLock(ct.Catalog)); err != nil {
		return c, err
	}
	for _, r := range c.rows {
		of, known := parents[r.Image.Identity(cols)]
		if !known {
			if of, err = parentOf(s, t, rows, fk, r, cols); err != nil {
				return c, err
			}
		}
		c.of = append(c.of, of)
	}
	return c, nil
}

// parentOf asks the database which of the parents a child refers to by a value that is not
// spelt like the parent's: a collation may take them for the same.
func parentOf(s *statement.Statement, t *table.Table, rows []table.Row, fk catalog.ForeignKey, child table.Row, cols []int) (string, error) {
	if len(t.Key) == 0 {
		return "", nil
	}
	value := make([]any, len(cols))
	for i, k := range cols {
		value[i] = table.Param(child.Image[k], child.Raw[k])
	}
	for _, r := range rows {
		equal, err := s.Equal(t, fk.RefColumns, [][]any{value}, t.KeyParams(r.Image, r.Raw))
		if err != nil {
			return "", err
		}
		if equal[0] {
			return t.Identity(r.Image), nil
		}
	}
	return "", nil
}

// forget leaves out rows that were reached before. Of a row without a key that two foreign
// keys lead to, nothing tells what it is in the end.
func (c *children) forget(s *statement.Statement, seen reached, how cascade) error {
	rows, of := c.rows[:0], c.of[:0]
	for i, r := range c.rows {
		if len(c.t.Key) == 0 && c.t.Audited {
			all := c.t.Catalog.Name + "\x00\x00" + r.Image.Identity(c.t.All())
			way := all + "\x00" + strings.Join(c.fk.Columns, ",")
			if seen[all] && !seen[way] {
				return s.Refuse("two foreign keys lead to rows of table %s, which has no key to find them again", c.fk.Table)
			}
			seen[all], seen[way] = true, true
		}
		if seen.first(c.t, r.Image, how) {
			rows, of = append(rows, r), append(of, c.of[i])
		}
	}
	c.rows, c.of = rows, of
	return nil
}
