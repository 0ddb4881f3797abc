package entry

import (
	"crypto/rand"
	"encoding/hex"
	"io"
	"slices"
	"strconv"

	"github.com/google/uuid"

	"github.com/gorm-audit/auditplugin/audit"
)

// Maker makes the parts of entries as its Converter would make them of a record, with
// few allocations. It is for one goroutine at a time.
type Maker struct {
	Converter
	texts texts
	small []byte
	empty bool // the image has no member yet
	// ahead are random bytes for ids to come.
	ahead random
}

// Key is a column's name as the key of an image.
type Key struct {
	quoted string
	size   int // of the text in it
}

// NewKey prepares the key for a column's name.
func NewKey(name string) Key {
	e := Encoder{limit: MaxImage}
	text := keyText(name)
	e.string(text)
	return Key{quoted: string(e.buf), size: len(text)}
}

// Open begins an image, the JSON of a record's before or after.
func (m *Maker) Open() {
	e := &m.enc
	e.start(MaxImage)
	e.depth = 1
	e.buf = append(e.buf, '{')
	m.empty = true
}

// Member adds a column. Keys must come in order.
func (m *Maker) Member(k Key, v any) {
	e := &m.enc
	if !m.empty {
		e.buf = append(e.buf, ',')
	}
	m.empty = false
	if len(e.buf)+k.size > e.limit {
		e.full = true
	}
	if e.full {
		return
	}
	e.buf = append(e.buf, k.quoted...)
	e.buf = append(e.buf, ':')
	e.value(v)
}

// Close ends the image and returns it, "" if it has no member. It is false if the
// image is too large, and must be made as [Encoder.Object] makes those.
func (m *Maker) Close() (image string, ok bool) {
	if m.empty {
		return "", true
	}
	m.enc.buf = append(m.enc.buf, '}')
	if m.enc.full || len(m.enc.buf) > m.Limit {
		return "", false
	}
	return m.texts.add(m.enc.buf), true
}

// Large returns an image that Close refused.
func (m *Maker) Large(image map[string]any) string {
	text := m.enc.Object(image, MaxImage)
	if len(text) > m.Limit {
		text = m.enc.Object(image, m.Limit)
	}
	return text
}

// Changes returns the JSON of an update's changes.
func (m *Maker) Changes(changes []audit.Change) string {
	return m.texts.add(m.enc.changesOf(changes, m.Limit))
}

// Names returns the JSON of the names of changed columns.
func (m *Maker) Names(names []string) string { return m.enc.Names(names, m.Limit) }

// Number returns the id of a row whose key is a whole number.
func (m *Maker) Number(n int64) string {
	m.small = strconv.AppendInt(m.small[:0], n, 10)
	return m.texts.add(m.small)
}

// Ahead says how many ids will be wanted, to draw their random bytes at once.
func (m *Maker) Ahead(n int) { m.ahead.want = n }

// ID returns a new record's id. Like all UUIDs of version 7 that are made in a
// process, it is greater than those before.
func (m *Maker) ID() string {
	id, err := uuid.NewV7FromReader(&m.ahead)
	if err != nil {
		return NewID()
	}
	m.small = slices.Grow(m.small[:0], 36)[:36]
	hex.Encode(m.small, id[:4])
	m.small[8] = '-'
	hex.Encode(m.small[9:], id[4:6])
	m.small[13] = '-'
	hex.Encode(m.small[14:], id[6:8])
	m.small[18] = '-'
	hex.Encode(m.small[19:], id[8:10])
	m.small[23] = '-'
	hex.Encode(m.small[24:], id[10:])
	return m.texts.add(m.small)
}

// Rest lets go of what m was used for, so that it can be kept for another time.
func (m *Maker) Rest() {
	m.ahead = random{}
	m.Converter.Rest()
}

// random reads random bytes, many at once where many are wanted.
type random struct {
	want int // how often 16 bytes will be read
	buf  [64 * len(uuid.UUID{})]byte
	left []byte
}

func (r *random) Read(p []byte) (int, error) {
	if len(r.left) == 0 {
		n := min(max(r.want, 1)*len(uuid.UUID{}), len(r.buf))
		r.want -= n / len(uuid.UUID{})
		if _, err := io.ReadFull(rand.Reader, r.buf[:n]); err != nil {
			return 0, err
		}
		r.left = r.buf[:n]
	}
	n := copy(p, r.left)
	clear(r.left[:n])
	r.left = r.left[n:]
	return n, nil
}
