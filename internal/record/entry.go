package record

import (
	"slices"
	"sync"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/internal/entry"
	"github.com/gorm-audit/auditplugin/internal/table"
)

// Composer makes the entries of one statement's differences. An entry is what the audit
// table would make of the difference's record.
type Composer struct {
	// Difference is the one at hand; it is used again for the next.
	Difference
	// Entries are those made, until the transaction has them.
	Entries []entry.Entry

	limit Limit
	maker entry.Maker
	// base is what all entries share, kinds the same for each table and action.
	base   audit.Record
	cause  string
	tenant string // of the context
	kinds  []kind
	names  []string
	// changed is the JSON of names, which mostly are those of the change before, and of
	// the statement before.
	changed string
}

// kind is what the entries of one table and action share.
type kind struct {
	recordType, table, tenant string
	action                    audit.Action
	shared                    *entry.Shared
}

// Composers are used again. The zero value is ready.
type Composers struct{ pool sync.Pool }

// Get takes a composer that is at rest, for n differences. base says what their records
// share, columnLimit how large a JSON column may be.
func (p *Composers) Get(l Limit, columnLimit int, base *audit.Record, n int) *Composer {
	c, ok := p.pool.Get().(*Composer)
	if !ok {
		c = &Composer{}
	}
	c.limit, c.maker.Limit = l, columnLimit
	c.maker.Ahead(n)
	c.base, c.cause, c.tenant = *base, entry.Cut(base.Cause, entry.TextLimit), base.Tenant
	return c
}

// atRest is for how many entries, and changes, a composer at rest keeps room.
const atRest = 64

// Put puts a composer to rest.
func (p *Composers) Put(c *Composer) {
	if cap(c.Changes) > atRest {
		c.Changes = nil
	}
	clear(c.Changes[:cap(c.Changes)])
	clear(c.kinds)
	c.Difference = Difference{Changes: c.Changes[:0], Columns: c.Columns[:0]}
	c.kinds = c.kinds[:0]
	c.base, c.cause, c.tenant = audit.Record{}, "", ""
	if cap(c.Entries) > atRest {
		c.Entries = nil
	}
	clear(c.Entries[:cap(c.Entries)])
	c.Entries = c.Entries[:0]
	c.maker.Rest()
	p.pool.Put(c)
}

// Compose makes the entry of the difference at hand.
func (c *Composer) Compose() {
	d, t := &c.Difference, c.Table
	e := entry.Entry{ID: d.ID, Cause: c.cause}
	if d.Cause != "" {
		e.Cause = entry.Cut(d.Cause, entry.TextLimit)
	}
	e.Shared = c.shared(t, d.Action)
	e.RecordID = c.recordID(t, d.Identified())
	switch {
	case d.Before == nil:
		e.After = c.whole(t, d.After)
	case d.After == nil:
		e.Before = c.whole(t, d.Before)
	default:
		e.Before = c.part(t, d.Before, false)
		e.After = c.part(t, d.After, true)
		e.Changed = c.changedNames(t)
		if !slices.IsSortedFunc(d.Changes, ByPath) {
			slices.SortStableFunc(d.Changes, ByPath) // last: Columns point into it
		}
		e.Changes = c.maker.Changes(d.Changes)
	}
	if e.ID == "" {
		e.ID = c.maker.ID()
	}
	c.Entries = append(c.Entries, e)
}

// whole is the JSON of a row's columns, redacted.
func (c *Composer) whole(t *table.Table, img table.Image) string {
	c.maker.Open()
	for _, i := range t.ByName {
		if !t.Show[i].Hidden {
			c.maker.Member(t.Show[i].Key, c.limit.shown(&c.Difference, i, img[i]))
		}
	}
	text, ok := c.maker.Close()
	if !ok {
		text = c.maker.Large(c.limit.whole(&c.Difference, img))
	}
	return text
}

// part is the JSON of the columns that differ, redacted.
func (c *Composer) part(t *table.Table, img table.Image, after bool) string {
	c.maker.Open()
	for _, d := range c.Columns {
		c.maker.Member(t.Show[d.At].Key, c.value(img, d, after))
	}
	text, ok := c.maker.Close()
	if ok {
		return text
	}
	m := make(map[string]any, len(c.Columns))
	for _, d := range c.Columns {
		m[t.Columns[d.At].Name] = c.value(img, d, after)
	}
	return c.maker.Large(m)
}

// value is what may be said of a column that differs. Of one that is no document its
// change says it already.
func (c *Composer) value(img table.Image, d Column, after bool) any {
	switch {
	case d.Change < 0:
		return c.limit.shown(&c.Difference, d.At, img[d.At])
	case after:
		return c.Changes[d.Change].To
	}
	return c.Changes[d.Change].From
}

// changedNames is the JSON of the names of the columns that differ.
func (c *Composer) changedNames(t *table.Table) string {
	same := len(c.names) == len(c.Columns)
	for n := 0; same && n < len(c.names); n++ {
		same = c.names[n] == t.Columns[c.Columns[n].At].Name
	}
	if same && c.changed != "" {
		return c.changed
	}
	c.names = c.names[:0]
	for _, d := range c.Columns {
		c.names = append(c.names, t.Columns[d.At].Name)
	}
	c.changed = c.maker.Names(c.names)
	return c.changed
}

// recordID is the record's row as text, redacted where the key is a secret.
func (c *Composer) recordID(t *table.Table, img table.Image) string {
	if len(t.Key) == 1 {
		if n, ok := t.Seen(t.Key[0], img[t.Key[0]]).(int64); ok {
			return c.maker.Number(n)
		}
	}
	return entry.Cut(t.RecordID(img), entry.TextLimit)
}

// shared is what the entries of a table and an action share.
func (c *Composer) shared(t *table.Table, action audit.Action) *entry.Shared {
	tenant := c.tenant
	if tenant == "" {
		tenant = t.Tenant
	}
	for i := range c.kinds {
		if k := &c.kinds[i]; k.action == action && k.recordType == t.RecordType && k.table == t.Model.Table && k.tenant == tenant {
			return k.shared
		}
	}
	var s *entry.Shared
	if len(c.kinds) > 0 {
		s = c.kinds[0].shared.Of(action, t.RecordType, t.Model.Table, tenant)
	} else {
		c.base.Action, c.base.RecordType, c.base.Table, c.base.Tenant = action, t.RecordType, t.Model.Table, tenant
		s = c.maker.Share(&c.base)
	}
	c.kinds = append(c.kinds, kind{recordType: t.RecordType, table: t.Model.Table, tenant: tenant, action: action, shared: s})
	return s
}
