package auditplugin

import (
	"slices"

	"github.com/gorm-audit/auditplugin/internal/catalog"
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
	t      *target
	parent *target
	fk     catalog.ForeignKey
	rows   []row
	// of holds, by row, the identity of its parent row.
	of    []string
	below []children
}

// parent is what became of a row that children follow.
type parent struct {
	record string // the record's id
	after  image  // nil when the row is gone
}

// cascades reports whether foreign keys carry the change to other rows.
func (j *job) cascades(t *target, how cascade) bool {
	return t.tbl.ForeignKeysEnforced && slices.ContainsFunc(t.tbl.Incoming, func(fk catalog.ForeignKey) bool { return how.action(fk) != "" })
}

// findChildren reads the rows that the change will be carried to, before it
// happens: afterwards nothing tells what they were.
func (j *job) findChildren(t *target, rows []row, how cascade) ([]children, error) {
	// Rows that the statement itself names are its own, also as children of others.
	seen := reached{}
	for _, r := range rows {
		seen.first(t, r.image)
	}
	return j.childrenOf(t, rows, how, seen)
}

// reached holds the rows that were met, by table and key: foreign keys can form
// cycles. Rows without a key are always met for the first time.
type reached map[string]bool

func (seen reached) first(t *target, img image) bool {
	if len(t.key) == 0 {
		return true
	}
	id := t.tbl.Schema + "." + t.tbl.Name + "\x00" + t.identity(img)
	if seen[id] {
		return false
	}
	seen[id] = true
	return true
}

func (j *job) childrenOf(t *target, rows []row, how cascade, seen reached) ([]children, error) {
	if len(rows) == 0 || !j.cascades(t, how) {
		return nil, nil
	}
	var out []children
	for _, fk := range t.tbl.Incoming {
		action := how.action(fk)
		if action == "" {
			continue
		}
		c, err := j.childrenBy(t, rows, fk)
		if err != nil {
			return nil, err
		}
		c.forget(seen)
		if len(c.rows) == 0 {
			continue
		}
		next := cascade{columns: fk.Columns}
		if how.deleting && action == "CASCADE" {
			next = how
		}
		if c.below, err = j.childrenOf(c.t, c.rows, next, seen); err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, nil
}

// childrenBy reads the child rows that one foreign key reaches.
func (j *job) childrenBy(t *target, rows []row, fk catalog.ForeignKey) (children, error) {
	m := j.p.modelFor(j.p.schemaOf(t.schema, fk.Table), fk.Table)
	if m.err != nil {
		return children{}, m.err
	}
	ref := table{schema: fk.Schema, name: fk.Table, alias: fk.Table, simple: true}
	if fk.Schema == t.tbl.Schema {
		ref.schema = t.ref.schema // as the application names the parent
	}
	ct, err := j.p.targetFor(j.ctx, j.state, m, ref)
	if err != nil {
		j.state.failed(err)
		return children{}, j.auditError(err)
	}
	c := children{t: ct, parent: t, fk: fk}
	refs, cols := positions(t, fk.RefColumns), positions(ct, fk.Columns)
	if refs == nil || cols == nil {
		return c, nil
	}
	parents := map[string]string{}
	var tuples [][]any
	for _, r := range rows {
		tuple := make([]any, len(refs))
		null := false
		for i, k := range refs {
			tuple[i] = param(r.image[k], r.raw[k])
			null = null || r.image[k] == nil
		}
		if id := identityOf(r.image, refs); !null && parents[id] == "" {
			parents[id] = t.identity(r.image)
			tuples = append(tuples, tuple)
		}
	}
	lock := j.readLock()
	if j.p.server.Dialect == "postgres" && ct.tbl.CanLock {
		lock = " FOR UPDATE"
	}
	if c.rows, err = j.readBy(ct, fk.Columns, tuples, lock); err != nil {
		return c, err
	}
	for _, r := range c.rows {
		c.of = append(c.of, parents[identityOf(r.image, cols)])
	}
	return c, nil
}

// forget leaves out rows that were reached before.
func (c *children) forget(seen reached) {
	rows, of := c.rows[:0], c.of[:0]
	for i, r := range c.rows {
		if seen.first(c.t, r.image) {
			rows, of = append(rows, r), append(of, c.of[i])
		}
	}
	c.rows, c.of = rows, of
}

func positions(t *target, columns []string) []int {
	idx := make([]int, len(columns))
	for i, c := range columns {
		at, ok := t.index[c]
		if !ok {
			return nil
		}
		idx[i] = at
	}
	return idx
}

// finishChildren reads the children back: gone is a delete, different an update.
func (j *job) finishChildren(sets []children, parents map[string]parent) error {
	for _, c := range sets {
		after, err := j.childrenAfter(c, parents)
		if err != nil {
			return err
		}
		next := make(map[string]parent, len(c.rows))
		for i, r := range c.rows {
			cause := parents[c.of[i]].record
			img := after[i]
			if img != nil && sameImage(r.image, img) {
				continue
			}
			became := parent{record: cause, after: img}
			if c.t.audited {
				ch := j.changed(c.t, r.image, img)
				ch.cause = cause
				became.record = ch.id
			}
			next[c.t.identity(r.image)] = became
		}
		if err := j.finishChildren(c.below, next); err != nil {
			return err
		}
	}
	return nil
}

// childrenAfter returns the images of c.rows after the change, nil for the gone.
func (j *job) childrenAfter(c children, parents map[string]parent) ([]image, error) {
	after := make([]image, len(c.rows))
	if len(c.t.key) == 0 {
		return after, nil // nothing finds them again: taken for deleted
	}
	refs, cols := positions(c.parent, c.fk.RefColumns), positions(c.t, c.fk.Columns)
	tuples := make([][]any, 0, len(c.rows))
	ids := make([]string, len(c.rows))
	for i, r := range c.rows {
		img, raw := r.image, r.raw
		if p := parents[c.of[i]].after; p != nil && c.fk.OnUpdate == "CASCADE" {
			// The child's key may contain the column that follows the parent.
			img, raw = slices.Clone(img), slices.Clone(raw)
			for n := range cols {
				img[cols[n]], raw[cols[n]] = p[refs[n]], p[refs[n]]
			}
		}
		ids[i] = c.t.identity(img)
		tuples = append(tuples, keyParams(c.t, img, raw))
	}
	rows, err := j.readBy(c.t, c.t.keyNames(), tuples, j.readLock())
	if err != nil {
		return nil, err
	}
	found := make(map[string]image, len(rows))
	for _, r := range rows {
		found[c.t.identity(r.image)] = r.image
	}
	for i := range after {
		after[i] = found[ids[i]]
	}
	return after, nil
}
