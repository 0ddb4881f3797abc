// Package change holds what a statement changed, row by row, packed when it is much.
package change

import (
	"slices"

	"github.com/gorm-audit/auditplugin/internal/entry"
	"github.com/gorm-audit/auditplugin/internal/table"
	"github.com/gorm-audit/auditplugin/internal/values"
)

// Change is one row's change. Before or After is nil where there was no row.
type Change struct {
	Table         *table.Table
	Before, After table.Image
	Cause         string // the id of the record that this one follows from
	ID            string // of its record, once others may refer to it
}

// MaxPlain is how many changes of a statement are held as they are. More are packed:
// what an UPDATE of 100,000 rows did has to fit into memory.
const MaxPlain = 1024

// Log holds what a statement changed, in order. The zero value is empty; one in use must
// not be copied.
type Log struct {
	plain []Change
	one   [1]Change // room for plain: most statements change one row
	named int       // how many of plain have an id; those before the last that needs one
	// room is for images in plain: few allocations for many.
	room []any
	more *packed
}

// packed are changes that follow the plain ones, of one table. One slice for all of them
// would be there twice while it grows.
type packed struct {
	t    *table.Table
	full [][]byte
	last []byte
	n    int
}

// fullBytes is how large a piece of packed changes gets, about.
const fullBytes = 64 << 10

// Len is how many changes there are.
func (l *Log) Len() int {
	if l.more == nil {
		return len(l.plain)
	}
	return len(l.plain) + l.more.n
}

// Add takes a change. One of a row that was there before gets the id of its record, since
// the changes of other rows may follow from it. It must not follow a packed one. A change
// that is not recorded is let go: it has no id.
func (l *Log) Add(c Change) *Change {
	if !recorded(c.Table, c.Before, c.After) {
		return &Change{Table: c.Table, Before: c.Before, After: c.After}
	}
	l.append(c)
	if c.Before != nil {
		// Those before it get theirs first: ids go up in the order of the records.
		for ; l.named < len(l.plain); l.named++ {
			l.plain[l.named].ID = entry.NewID()
		}
	}
	return &l.plain[len(l.plain)-1]
}

// recorded reports whether the options let what became of a row be recorded.
func recorded(t *table.Table, before, after table.Image) bool {
	return !t.Limits() || t.Records(t.Action(before, after))
}

func (l *Log) append(c Change) {
	if l.plain == nil {
		l.plain = l.one[:0]
	}
	l.plain = append(l.plain, c)
}

// Held are the changes that were added so far, without those that are packed. They are the
// log's own.
func (l *Log) Held() []Change { return l.plain }

// copied is a copy of an image that the caller uses again.
func (l *Log) copied(img table.Image) table.Image {
	if img == nil {
		return nil
	}
	n := len(img)
	if len(l.room) < n {
		// An update has two; what follows them may be much more of the same.
		l.room = make([]any, max(2, min(2*len(l.plain), 128))*n)
	}
	own := l.room[:n:n]
	l.room = l.room[n:]
	copy(own, img)
	return own
}

// Note takes a change that nothing refers to. The images are the caller's again
// when it returns.
func (l *Log) Note(t *table.Table, before, after table.Image) {
	if !recorded(t, before, after) {
		return
	}
	if l.more == nil {
		if len(l.plain) < MaxPlain {
			l.append(Change{Table: t, Before: l.copied(before), After: l.copied(after)})
			return
		}
		l.more = &packed{t: t}
	}
	l.more.add(before, after)
}

func (p *packed) add(before, after table.Image) {
	p.n++
	if len(p.last) >= fullBytes {
		p.full = append(p.full, p.last)
		p.last = nil
	}
	if p.last == nil && len(p.full) > 0 {
		p.last = make([]byte, 0, fullBytes+fullBytes/8)
	}
	switch {
	case before == nil:
		p.last = packImage(append(p.last, packedCreate), after)
	case after == nil:
		p.last = packImage(append(p.last, packedDelete), before)
	default:
		p.last = append(p.last, packedUpdate)
		for i := range before {
			switch {
			case !values.Equal(before[i], after[i]):
				p.last = values.Append(append(p.last, packedChanged), before[i])
				p.last = values.Append(p.last, after[i])
			case slices.Contains(p.t.Key, i) || i == p.t.Naming:
				p.last = values.Append(append(p.last, packedKey), before[i])
			default:
				p.last = append(p.last, packedSame)
			}
		}
	}
}

const (
	packedCreate byte = iota
	packedDelete
	packedUpdate
)

const (
	packedSame byte = iota
	packedChanged
	packedKey // the same, but needed
)

// Each calls f with the changes in order, and forgets them. f must not keep them,
// nor their images. In those that were packed, columns that did not change are nil.
func (l *Log) Each(f func(c *Change) error) error {
	for i := range l.plain {
		if err := f(&l.plain[i]); err != nil {
			return err
		}
	}
	l.plain, l.one, l.room, l.named = nil, [1]Change{}, nil, 0
	if l.more == nil {
		return nil
	}
	more := l.more
	l.more = nil
	return more.each(f)
}

func (p *packed) each(f func(c *Change) error) error {
	first, second := make(table.Image, len(p.t.Columns)), make(table.Image, len(p.t.Columns))
	var c Change
	var b []byte
	for ; p.n > 0; p.n-- {
		for len(b) == 0 {
			if len(p.full) > 0 {
				b, p.full[0] = p.full[0], nil // what was read is not needed any more
				p.full = p.full[1:]
			} else {
				b, p.last = p.last, nil
			}
		}
		c = Change{Table: p.t}
		kind := b[0]
		b = b[1:]
		switch kind {
		case packedCreate:
			c.After = first
			b = unpackInto(first, b)
		case packedDelete:
			c.Before = first
			b = unpackInto(first, b)
		default:
			c.Before, c.After = first, second
			for i := range c.Before {
				how := b[0]
				b = b[1:]
				switch how {
				case packedSame:
					c.Before[i], c.After[i] = nil, nil
				case packedKey:
					c.Before[i], b = values.Take(b)
					c.After[i] = c.Before[i]
				default:
					c.Before[i], b = values.Take(b)
					c.After[i], b = values.Take(b)
				}
			}
		}
		if err := f(&c); err != nil {
			return err
		}
	}
	return nil
}

func packImage(b []byte, img table.Image) []byte {
	for _, v := range img {
		b = values.Append(b, v)
	}
	return b
}

func unpackImage(b []byte, n int) (table.Image, []byte) {
	img := make(table.Image, n)
	return img, unpackInto(img, b)
}

func unpackInto(img table.Image, b []byte) []byte {
	for i := range img {
		img[i], b = values.Take(b)
	}
	return b
}
