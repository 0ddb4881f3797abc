package history

import (
	"context"
	"reflect"
	"slices"
	"strconv"

	"gorm.io/gorm/schema"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/internal/catalog"
)

// classify notes who sets a column beside the application's own writes.
func (c *rowColumn) classify(found catalog.Column) {
	f := c.field
	switch {
	case found.OnUpdate:
		c.touched, c.onUpdate = true, true
	case f == nil:
		c.touched = c.name == "updated_at"
	default:
		c.touched = f.AutoUpdateTime > 0 || !f.Updatable && !f.Creatable && !f.PrimaryKey
		c.counts = isCounter(f)
	}
}

func newField(f *schema.Field) any { return reflect.New(f.IndirectFieldType).Interface() }

// isCounter recognises the version columns of optimistic locks: types that add clauses
// of their own to every update, and are no soft deletes.
func isCounter(f *schema.Field) bool {
	v := newField(f)
	_, updates := v.(schema.UpdateClausesInterface)
	_, deletes := v.(schema.DeleteClausesInterface)
	return updates && !deletes
}

// mayBeTriggered reports whether a trigger may set the column on each update: a time in
// a table that has such triggers.
func (c *rowColumn) mayBeTriggered(t *rowTable) bool {
	return t.tbl.HasUserTriggers && c.rule.IsTime()
}

// next is a counter's value after the one given; nil where it is no number.
func next(value any) any {
	n, ok := value.(int64)
	if !ok {
		return nil
	}
	return n + 1
}

// laterChanges are the columns that were changed behind the records of some rows. They
// are read for all of a batch's rows at once, when first asked for.
type laterChanges struct {
	t     *rowTable
	batch []*undoing
	found map[string][]laterChange // by record id
}

type laterChange struct {
	seq     int64
	changed []string
	// created is another row under the same key, or the same one that came back; nil for
	// an update.
	created map[string]any
}

func (l *laterChanges) read(ctx context.Context) error {
	if l.found != nil {
		return nil
	}
	l.found = map[string][]laterChange{}
	ids := make([]string, len(l.batch))
	from := l.batch[0].r.Seq
	for n, u := range l.batch {
		ids[n], from = u.id.recordID, min(from, u.r.Seq)
	}
	q := l.t.q.ofTable(l.t.name).anyOf("record", "record_id", ids).Action(audit.Create, audit.Update, audit.SoftDelete, audit.Restore)
	for r, err := range q.behind(from).All(ctx) {
		if err != nil {
			return err
		}
		later := laterChange{seq: r.Seq, changed: r.Changed}
		if r.Action == audit.Create {
			later.created = r.After
		}
		l.found[r.RecordID] = append(l.found[r.RecordID], later)
	}
	return nil
}

// any reports whether a column, which a record shows as left, was changed after the record
// that is undone. A row that was created since may have another value: only hashes tell that
// it has not.
func (l *laterChanges) any(u *undoing, name string, left any) (changed, sure bool) {
	for _, c := range l.found[u.id.recordID] {
		switch {
		case c.seq <= u.r.Seq:
		case c.created == nil && slices.Contains(c.changed, name):
			return true, true
		case c.created == nil:
		case !isHash(left) || !isHash(c.created[name]):
			changed = true
		case c.created[name] != left:
			return true, true
		}
	}
	return changed, !changed
}

// always reports whether every update after the record has changed the column.
func (l *laterChanges) always(u *undoing, name string) bool {
	n := 0
	for _, c := range l.found[u.id.recordID] {
		if c.seq <= u.r.Seq || c.created != nil {
			continue
		}
		if n++; !slices.Contains(c.changed, name) {
			return false
		}
	}
	return n > 0
}

// changedSince lists the columns in which the present row is not what the record left.
// Where the record does not show what that was, later records are asked.
func (v *reverter) changedSince(ctx context.Context, u *undoing, present []any, left map[string]any, later *laterChanges) ([]string, error) {
	t := u.t
	var changed, hidden []string
	names := u.r.Changed
	if u.r.Action == audit.Create || len(names) == 0 {
		names = nil
		for i, c := range t.columns {
			if _, ok := left[c.name]; (ok || allTruncated(left)) && !c.touched && !c.counts && !t.columns[i].ignored {
				names = append(names, c.name)
			}
		}
	}
	ask := false
	for _, name := range names {
		i, ok := t.index[name]
		if !ok {
			continue // the column is gone
		}
		value, shown := left[name]
		switch {
		case !shown || t.fromRecord(i, value).state != known:
			hidden, ask = append(hidden, name), true
		case !t.same(i, t.now(i, present[i]), value):
			changed = append(changed, name)
			ask = ask || t.columns[i].mayBeTriggered(t)
		}
	}
	if ask {
		if err := later.read(ctx); err != nil {
			return nil, err
		}
	}
	if len(hidden) > 0 {
		gap, err := t.gap(ctx, u.id, &u.r)
		if err != nil {
			return nil, err
		}
		if gap { // nobody knows
			u.unsure = hidden
			changed, hidden = append(changed, hidden...), nil
		}
	}
	for _, name := range hidden {
		was, sure := later.any(u, name, left[name])
		if was {
			changed = append(changed, name)
		}
		if !sure {
			u.unsure = append(u.unsure, name)
		}
	}
	if u.r.Action == audit.Create {
		changed = slices.DeleteFunc(changed, func(name string) bool {
			return t.columns[t.index[name]].mayBeTriggered(t) && later.always(u, name)
		})
	}
	slices.Sort(changed)
	return changed, nil
}

// keyText names a row by its key, not redacted.
func keyText(key []any) string {
	if len(key) == 1 {
		return strconv.Quote(keyPart(key[0]))
	}
	text := ""
	for _, v := range key {
		text += strconv.Quote(keyPart(v))
	}
	return text
}
