package capture

import (
	"slices"

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
		seen.first(t, r.Image)
	}
	return childrenOf(s, t, rows, how, seen)
}

// reached holds the rows that were met, by table and key: foreign keys can form
// cycles. Rows without a key are always met for the first time.
type reached map[string]bool

func (seen reached) first(t *table.Table, img table.Image) bool {
	if len(t.Key) == 0 {
		return true
	}
	id := t.Catalog.Schema + "." + t.Catalog.Name + "\x00" + t.Identity(img)
	if seen[id] {
		return false
	}
	seen[id] = true
	return true
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
		c.forget(seen)
		if len(c.rows) == 0 {
			continue
		}
		s.Carries(c.t)
		next := cascade{columns: fk.Columns}
		if how.deleting && action == "CASCADE" {
			next = how
		}
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
		return c, nil
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

// forget leaves out rows that were reached before.
func (c *children) forget(seen reached) {
	rows, of := c.rows[:0], c.of[:0]
	for i, r := range c.rows {
		if seen.first(c.t, r.Image) {
			rows, of = append(rows, r), append(of, c.of[i])
		}
	}
	c.rows, c.of = rows, of
}

// finishChildren reads the children back: gone is a delete, different an update.
func finishChildren(s *statement.Statement, sets []children, parents map[string]parent) error {
	for _, c := range sets {
		after, err := childrenAfter(s, c, parents)
		if err != nil {
			return err
		}
		next := make(map[string]parent, len(c.rows))
		for i, r := range c.rows {
			cause := parents[c.of[i]].record
			img := after[i]
			if img != nil && table.Same(r.Image, img) {
				continue
			}
			became := parent{record: cause, after: img}
			if c.t.Audited {
				ch := s.Changed(c.t, r.Image, img)
				ch.Cause = cause
				if ch.ID != "" { // else it has no record, and those below follow from its parent's
					became.record = ch.ID
				}
			}
			next[c.t.Identity(r.Image)] = became
		}
		if err := finishChildren(s, c.below, next); err != nil {
			return err
		}
	}
	return nil
}

// childrenAfter returns the images of c.rows after the change, nil for the gone.
func childrenAfter(s *statement.Statement, c children, parents map[string]parent) ([]table.Image, error) {
	after := make([]table.Image, len(c.rows))
	if len(c.t.Key) == 0 {
		return after, nil // nothing finds them again: taken for deleted
	}
	refs, cols := c.parent.Positions(c.fk.RefColumns), c.t.Positions(c.fk.Columns)
	tuples := make([][]any, 0, len(c.rows))
	ids := make([]string, len(c.rows))
	for i, r := range c.rows {
		img, raw := r.Image, r.Raw
		if p := parents[c.of[i]].after; p != nil && c.fk.OnUpdate == "CASCADE" {
			// The child's key may contain the column that follows the parent.
			img, raw = slices.Clone(img), slices.Clone(raw)
			for n := range cols {
				img[cols[n]], raw[cols[n]] = p[refs[n]], p[refs[n]]
			}
		}
		ids[i] = c.t.Identity(img)
		tuples = append(tuples, c.t.KeyParams(img, raw))
	}
	rows, err := s.ReadByKey(c.t, tuples)
	if err != nil {
		return nil, err
	}
	found, err := byIdentity(s, rows, c.t.Key)
	if err != nil {
		return nil, err
	}
	for i := range after {
		if after[i] = found[ids[i]]; after[i] == nil {
			// A parent's key that the collation takes for the same is not carried on.
			after[i] = found[c.t.Identity(c.rows[i].Image)]
		}
	}
	return after, nil
}
