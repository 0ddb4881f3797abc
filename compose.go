package auditplugin

import (
	"slices"
	"strings"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/internal/entry"
	"github.com/gorm-audit/auditplugin/internal/values"
)

// composer makes the entries of one statement's changes. What it makes of a change is
// what the audit table would make of the record that recordOf makes of it, without
// that record's maps.
type composer struct {
	p     *Plugin
	maker entry.Maker
	// base is what all entries share, kinds the same for each target and action.
	base  audit.Record
	cause string
	kinds []kindOfEntry
	// entries are those made, until the transaction has them.
	entries []entry.Entry

	// Of the change at hand, and used again for the next.
	changes   []audit.Change
	differing []differing
	names     []string
	// changed is the JSON of names, which mostly are those of the change before, and of
	// the statement before.
	changed string
}

// kindOfEntry is what the entries of one target and action share.
type kindOfEntry struct {
	recordType, table string
	action            audit.Action
	shared            *entry.Shared
}

// differing is a column that an update changed: its position, and where its change is
// in changes, or -1 if that is one by paths.
type differing struct{ column, change int }

// newComposer takes a composer that is at rest, for n changes. The statement's base
// says what their records share.
func (p *Plugin) newComposer(base *audit.Record, n int) *composer {
	c, ok := p.composers.Get().(*composer)
	if !ok {
		c = &composer{p: p}
	}
	c.maker.Limit = p.columnLimit
	c.maker.Ahead(n)
	c.base, c.cause = *base, entry.Cut(base.Cause, entry.TextLimit)
	return c
}

// atRest is for how many entries, and changes, a composer at rest keeps room.
const atRest = 64

// release puts c to rest.
func (c *composer) release() {
	if cap(c.changes) > atRest {
		c.changes = nil
	}
	clear(c.changes[:cap(c.changes)])
	clear(c.kinds)
	c.changes, c.differing, c.kinds = c.changes[:0], c.differing[:0], c.kinds[:0]
	c.base, c.cause = audit.Record{}, ""
	if cap(c.entries) > atRest {
		c.entries = nil
	}
	clear(c.entries[:cap(c.entries)])
	c.entries = c.entries[:0]
	c.maker.Rest()
	c.p.composers.Put(c)
}

// entryOf makes the entry of one change, redacted; false when nothing that is
// recorded has changed.
func (c *composer) entryOf(ch *change) (entry.Entry, bool, error) {
	t := ch.t
	e := entry.Entry{Cause: c.cause}
	if ch.cause != "" {
		e.Cause = entry.Cut(ch.cause, entry.TextLimit)
	}
	switch {
	case ch.before == nil:
		e.Shared = c.shared(t, audit.Create)
		e.RecordID = c.recordID(t, ch.after)
		e.After = c.whole(t, ch.after)
	case ch.after == nil:
		e.Shared = c.shared(t, audit.Delete)
		e.RecordID = c.recordID(t, ch.before)
		e.Before = c.whole(t, ch.before)
	default:
		if ok, err := c.update(&e, ch); !ok || err != nil {
			return e, false, err
		}
	}
	if e.ID = ch.id; e.ID == "" {
		e.ID = c.maker.ID()
	}
	return e, true, nil
}

func (c *composer) update(e *entry.Entry, ch *change) (bool, error) {
	p, t := c.p, ch.t
	c.changes, c.differing = c.changes[:0], c.differing[:0]
	timestampsOnly := true
	for _, i := range t.byName {
		before, after := ch.before[i], ch.after[i]
		if t.show[i].hidden || values.Equal(before, after) {
			continue
		}
		n := len(c.changes)
		var err error
		if c.changes, err = p.appendChanges(c.changes, t, i, before, after); err != nil {
			return false, err
		}
		if len(c.changes) == n {
			continue // only keys that are never recorded differ
		}
		timestampsOnly = timestampsOnly && t.timestamps[t.cols[i].Name]
		if isDocument(before) || isDocument(after) {
			n = -1
		}
		c.differing = append(c.differing, differing{i, n})
	}
	if len(c.differing) == 0 || p.cfg.noTimestamps && timestampsOnly {
		return false, nil
	}
	e.Shared = c.shared(t, t.actionOf(ch))
	e.RecordID = c.recordID(t, ch.before)
	e.Before = c.part(t, ch.before, false)
	e.After = c.part(t, ch.after, true)
	e.Changed = c.changedNames(t)
	if !slices.IsSortedFunc(c.changes, byPath) {
		slices.SortStableFunc(c.changes, byPath) // last: differing points into it
	}
	e.Changes = c.maker.Changes(c.changes)
	return true, nil
}

func byPath(a, b audit.Change) int { return strings.Compare(a.Path, b.Path) }

// whole is the JSON of a row's columns, redacted.
func (c *composer) whole(t *target, img image) string {
	c.maker.Open()
	for _, i := range t.byName {
		if !t.show[i].hidden {
			c.maker.Member(t.show[i].key, c.p.shown(t, i, img[i]))
		}
	}
	text, ok := c.maker.Close()
	if !ok {
		text = c.maker.Large(c.p.whole(t, img))
	}
	return text
}

// part is the JSON of the columns that differ, redacted.
func (c *composer) part(t *target, img image, after bool) string {
	c.maker.Open()
	for _, d := range c.differing {
		c.maker.Member(t.show[d.column].key, c.value(t, img, d, after))
	}
	text, ok := c.maker.Close()
	if ok {
		return text
	}
	m := make(map[string]any, len(c.differing))
	for _, d := range c.differing {
		m[t.cols[d.column].Name] = c.value(t, img, d, after)
	}
	return c.maker.Large(m)
}

// value is what may be said of a column that differs. Of one that is no document its
// change says it already.
func (c *composer) value(t *target, img image, d differing, after bool) any {
	switch {
	case d.change < 0:
		return c.p.shown(t, d.column, img[d.column])
	case after:
		return c.changes[d.change].To
	}
	return c.changes[d.change].From
}

// changedNames is the JSON of the names of the columns that differ.
func (c *composer) changedNames(t *target) string {
	same := len(c.names) == len(c.differing)
	for n := 0; same && n < len(c.names); n++ {
		same = c.names[n] == t.cols[c.differing[n].column].Name
	}
	if same && c.changed != "" {
		return c.changed
	}
	c.names = c.names[:0]
	for _, d := range c.differing {
		c.names = append(c.names, t.cols[d.column].Name)
	}
	c.changed = c.maker.Names(c.names)
	return c.changed
}

// recordID is the record's row as text, redacted where the key is a secret.
func (c *composer) recordID(t *target, img image) string {
	if len(t.key) == 1 {
		if n, ok := t.seen(t.key[0], img[t.key[0]]).(int64); ok {
			return c.maker.Number(n)
		}
	}
	return entry.Cut(t.recordID(img), entry.TextLimit)
}

// shared is what the entries of a target and an action share.
func (c *composer) shared(t *target, action audit.Action) *entry.Shared {
	for i := range c.kinds {
		if k := &c.kinds[i]; k.action == action && k.recordType == t.recordType && k.table == t.ref.name {
			return k.shared
		}
	}
	var s *entry.Shared
	if len(c.kinds) > 0 {
		s = c.kinds[0].shared.Of(action, t.recordType, t.ref.name)
	} else {
		c.base.Action, c.base.RecordType, c.base.Table = action, t.recordType, t.ref.name
		s = c.maker.Share(&c.base)
	}
	c.kinds = append(c.kinds, kindOfEntry{recordType: t.recordType, table: t.ref.name, action: action, shared: s})
	return s
}
