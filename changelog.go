package auditplugin

import (
	"slices"

	"github.com/gorm-audit/auditplugin/internal/values"
)

// maxPlain is how many changes of a statement are held as they are. More are packed:
// what an UPDATE of 100,000 rows did has to fit into memory.
const maxPlain = 1024

// changelog holds what a statement changed, in order.
type changelog struct {
	plain []change
	named int // how many of plain have an id; those before the last that needs one
	// room is for images in plain: few allocations for many.
	room []any
	// packed follows plain: changes of one target.
	t      *target
	packed []byte
	n      int // packed changes
}

func (l *changelog) len() int { return len(l.plain) + l.n }

// add takes a change that others may refer to. It must not follow a packed one.
func (l *changelog) add(c change) *change {
	l.plain = append(l.plain, c)
	return &l.plain[len(l.plain)-1]
}

// name gives the last of plain an id. Those before it get theirs first, since ids go
// up in the order of the records.
func (l *changelog) name() {
	for ; l.named < len(l.plain); l.named++ {
		l.plain[l.named].id = newID()
	}
}

// keep copies an image that the caller uses again.
func (l *changelog) keep(img image) image {
	if img == nil {
		return nil
	}
	n := len(img)
	if len(l.room) < n {
		// An update has two; what follows them may be much more of the same.
		l.room = make([]any, max(2, min(2*len(l.plain), 128))*n)
	}
	kept := l.room[:n:n]
	l.room = l.room[n:]
	copy(kept, img)
	return kept
}

// note takes a change that nothing refers to. The images are the caller's again
// when it returns.
func (l *changelog) note(t *target, before, after image) {
	if l.n == 0 && len(l.plain) < maxPlain {
		l.add(change{t: t, before: l.keep(before), after: l.keep(after)})
		return
	}
	l.t = t
	l.n++
	switch {
	case before == nil:
		l.packed = packImage(append(l.packed, packedCreate), after)
	case after == nil:
		l.packed = packImage(append(l.packed, packedDelete), before)
	default:
		l.packed = append(l.packed, packedUpdate)
		for i := range before {
			switch {
			case !values.Equal(before[i], after[i]):
				l.packed = values.Append(append(l.packed, packedChanged), before[i])
				l.packed = values.Append(l.packed, after[i])
			case slices.Contains(t.key, i):
				l.packed = values.Append(append(l.packed, packedKey), before[i])
			default:
				l.packed = append(l.packed, packedSame)
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

// each calls f with the changes in order, and forgets them. f must not keep them,
// nor their images. In those that were packed, columns that did not change are nil.
func (l *changelog) each(f func(c *change) error) error {
	for i := range l.plain {
		if err := f(&l.plain[i]); err != nil {
			return err
		}
	}
	l.plain, l.room, l.named = nil, nil, 0
	if l.n == 0 {
		return nil
	}
	first, second := make(image, len(l.t.cols)), make(image, len(l.t.cols))
	var c change
	for b := l.packed; l.n > 0; l.n-- {
		c = change{t: l.t}
		kind := b[0]
		b = b[1:]
		switch kind {
		case packedCreate:
			c.after = first
			b = unpackInto(first, b)
		case packedDelete:
			c.before = first
			b = unpackInto(first, b)
		default:
			c.before, c.after = first, second
			for i := range c.before {
				how := b[0]
				b = b[1:]
				switch how {
				case packedSame:
					c.before[i], c.after[i] = nil, nil
				case packedKey:
					c.before[i], b = values.Take(b)
					c.after[i] = c.before[i]
				default:
					c.before[i], b = values.Take(b)
					c.after[i], b = values.Take(b)
				}
			}
		}
		if err := f(&c); err != nil {
			return err
		}
	}
	l.packed = nil
	return nil
}

func packImage(b []byte, img image) []byte {
	for _, v := range img {
		b = values.Append(b, v)
	}
	return b
}

func unpackImage(b []byte, n int) (image, []byte) {
	img := make(image, n)
	return img, unpackInto(img, b)
}

func unpackInto(img image, b []byte) []byte {
	for i := range img {
		img[i], b = values.Take(b)
	}
	return b
}
