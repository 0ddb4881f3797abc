package capture

import (
	"slices"

	"github.com/gorm-audit/auditplugin/internal/statement"
	"github.com/gorm-audit/auditplugin/internal/table"
)

// finishChildren reads the children back: gone is a delete, different an update.
func finishChildren(s *statement.Statement, sets []children, parents map[string]parent) error {
	return carried{}.finish(s, sets, parents)
}

// carried are the rows that were finished, by [rowOf]: two foreign keys may lead to one.
type carried map[string]parent

func (done carried) finish(s *statement.Statement, sets []children, parents map[string]parent) error {
	for _, c := range sets {
		after, err := childrenAfter(s, c, parents)
		if err != nil {
			return err
		}
		next := make(map[string]parent, len(c.rows))
		for i, r := range c.rows {
			row, img := rowOf(c.t, r.Image), after[i]
			became, again := done[row]
			switch {
			case img != nil && table.Same(r.Image, img):
				continue
			case row == "" || !again:
				became = parent{record: parents[c.of[i]].record, after: img}
				became.record = recordChild(s, c.t, r.Image, became)
				done[row] = became
			}
			next[c.t.Identity(r.Image)] = became
		}
		if err := done.finish(s, c.below, next); err != nil {
			return err
		}
	}
	return nil
}

// recordChild records what became of a row, and returns the record that is the cause of what
// follows: its own, or where it has none that of its parent.
func recordChild(s *statement.Statement, t *table.Table, before table.Image, became parent) string {
	if !t.Audited {
		return became.record
	}
	ch := s.Changed(t, before, became.after)
	ch.Cause = became.record
	if ch.ID == "" {
		return became.record
	}
	return ch.ID
}

// childrenAfter returns the images of c.rows after the change, nil for the gone.
func childrenAfter(s *statement.Statement, c children, parents map[string]parent) ([]table.Image, error) {
	if len(c.t.Key) == 0 {
		return keylessAfter(s, c, parents)
	}
	after := make([]table.Image, len(c.rows))
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
		if after[i] == nil && c.t.Audited && c.action != "CASCADE" && c.t.KeyIn(c.fk.Columns) {
			return nil, s.Refuse("a foreign key of table %s sets a part of the key, and the row is not found again", c.fk.Table)
		}
	}
	return after, nil
}

// keylessAfter are the images of rows that nothing finds again, as the foreign key makes them.
func keylessAfter(s *statement.Statement, c children, parents map[string]parent) ([]table.Image, error) {
	after := make([]table.Image, len(c.rows))
	refs, cols := c.parent.Positions(c.fk.RefColumns), c.t.Positions(c.fk.Columns)
	for i, r := range c.rows {
		p, changed := parents[c.of[i]]
		img := slices.Clone(r.Image)
		for n, k := range cols {
			switch {
			case !changed || p.after != nil && table.Same(p.after[refs[n]:refs[n]+1], img[k:k+1]):
			case c.action == "CASCADE" && p.after != nil:
				img[k] = p.after[refs[n]]
			case c.action == "SET NULL":
				img[k] = nil
			}
		}
		switch {
		case changed && c.action == "CASCADE" && p.after == nil:
			continue
		case !table.Same(r.Image, img), changed && c.action == "SET DEFAULT":
			if c.t.Audited && (c.action == "SET DEFAULT" || len(cols) > 1 || len(c.parent.Key) == 0 || c.t.Catalog.HasUserTriggers) {
				return nil, s.Refuse("a foreign key changes rows of table %s, which has no key to find them again", c.fk.Table)
			}
			s.Note("image", "computed")
		}
		after[i] = img
	}
	return after, nil
}
