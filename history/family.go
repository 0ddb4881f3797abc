package history

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/gorm-audit/auditplugin/audit"
)

// family is a row and what belongs to it, or once did.
type family struct {
	root *rowTable
	kin  []*kin // the row itself first, then the branches
	// linked are the columns by which rows belong, by table.
	linked map[string]map[string]bool
}

// link takes note of the columns that hold rows together.
func (f *family) link(l *link) {
	note := func(t *rowTable, columns []int) {
		if f.linked[t.bare] == nil {
			f.linked[t.bare] = map[string]bool{}
		}
		for _, i := range columns {
			f.linked[t.bare][t.columns[i].name] = true
		}
	}
	note(l.from, l.left)
	note(l.to, l.rightColumns())
}

// kin are the rows of one table that belong to a family by one association.
type kin struct {
	path  string // "" for the row itself
	table *rowTable
	// join describes the rows of a join table, nil for others.
	join *joinTable
	rows map[string]*member // by record id
}

// member is a row for the time that it belonged.
type member struct {
	id    rowID
	spans []span
}

func (k *kin) add(id rowID, s span) {
	m := k.rows[id.recordID]
	if m == nil {
		m = &member{id: id}
		k.rows[id.recordID] = m
	}
	m.spans = addSpan(m.spans, s)
}

func (k *kin) ids() []string { return slices.Sorted(maps.Keys(k.rows)) }

// family finds the rows that q asks for.
func (q Query) family(ctx context.Context) (*family, error) {
	if q.row == nil {
		return nil, fmt.Errorf("%w: With is for a row that Of names", ErrInvalidQuery)
	}
	s, err := schemaOf(q.db, q.row)
	if err != nil {
		return nil, err
	}
	tree, err := branches(s, q.with)
	if err != nil {
		return nil, err
	}
	set := settingsOf([]Option{Asking(func(other Query) Query {
		other.in, other.table, other.aliases, other.formerly = q.in, q.table, q.aliases, q.formerly
		other.conditions = append(other.conditions, q.whose...)
		return other
	})})
	root, err := openModel(ctx, q.db, set, s)
	if err != nil {
		return nil, err
	}
	id, _, err := root.find(ctx, q.row, false)
	if err != nil {
		return nil, err
	}
	f := &family{root: root, linked: map[string]map[string]bool{}}
	top := &kin{table: root, rows: map[string]*member{id.recordID: {id: id, spans: []span{always()}}}}
	f.kin = append(f.kin, top)
	return f, f.grow(ctx, newTables(q.db, set, root), top, tree)
}

// grow adds the rows of the branches to those of their parent.
func (f *family) grow(ctx context.Context, open *tables, parent *kin, tree []*branch) error {
	for _, b := range tree {
		links, err := open.links(ctx, parent.table, b)
		if err != nil {
			return err
		}
		at := parent
		for n, l := range links {
			f.link(l)
			next := &kin{path: b.path, table: l.to, rows: map[string]*member{}}
			if n < len(links)-1 {
				next.join = joinOf(b.rel, b.path)
			}
			if err := l.follow(ctx, at, next); err != nil {
				return err
			}
			f.kin = append(f.kin, next)
			at = next
		}
		if err := f.grow(ctx, open, at, b.subs); err != nil {
			return err
		}
	}
	return nil
}

// of returns the association that a record belongs by, nil without one.
func (f *family) of(r *audit.Record) *kin {
	for _, k := range f.kin {
		if k.table.recordedAs(r.Table) {
			if m := k.rows[r.RecordID]; m != nil && slices.ContainsFunc(m.spans, func(s span) bool { return s.shows(r) }) {
				return k
			}
		}
	}
	return nil
}

// recordedAs reports whether records name the table so.
func (t *rowTable) recordedAs(name string) bool {
	if known, ok := t.q.recorded[t.name]; ok && slices.Contains(known, any(name)) || !ok && name == t.bare {
		return true
	}
	return slices.ContainsFunc(t.q.formerly, func(old string) bool { return old == name || bareTable(old) == name })
}
