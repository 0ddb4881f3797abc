package auditplugin

import (
	"time"

	"github.com/gorm-audit/auditplugin/internal/values"
)

// held are the before images of the rows that an UPDATE is about to change, packed
// when there are many.
type held struct {
	t     *target
	plain []image
	keys  map[int][]any // by row, where the key has to be the driver's own values
	ids   map[string]int
	// packed follows plain; at is where each row starts.
	packed []byte
	at     []int
	// location is where the driver keeps its clock, as seen in a time that it read;
	// nil when it read none, or gives times as text.
	location *time.Location
}

func (h *held) len() int { return len(h.plain) + len(h.at) }

// add takes a row as the driver gave it.
func (h *held) add(raw []any) {
	row := h.len()
	img := h.t.normalise(raw)
	for i := 0; h.location == nil && i < len(raw); i++ {
		if at, ok := raw[i].(time.Time); ok {
			h.location = at.Location()
		}
	}
	for _, k := range h.t.key {
		switch img[k].(type) {
		case string, int64, uint64:
			continue
		}
		if h.keys == nil {
			h.keys = map[int][]any{}
		}
		h.keys[row] = keyParams(h.t, img, raw)
		break
	}
	if row < maxPlain {
		h.plain = append(h.plain, img)
		return
	}
	h.at = append(h.at, len(h.packed))
	h.packed = packImage(h.packed, img)
}

// image is the row's image. It must not be changed.
func (h *held) image(row int) image {
	if row < len(h.plain) {
		return h.plain[row]
	}
	img, _ := unpackImage(h.packed[h.at[row-len(h.plain)]:], len(h.t.cols))
	return img
}

// key is the row's key as parameters.
func (h *held) key(row int) []any {
	if params, ok := h.keys[row]; ok {
		return params
	}
	img := h.image(row)
	params := make([]any, len(h.t.key))
	for i, k := range h.t.key {
		params[i] = img[k]
	}
	return params
}

// find is the row with an identity.
func (h *held) find(id string) (row int, ok bool) {
	if h.len() == 1 {
		return 0, h.t.identity(h.image(0)) == id
	}
	if h.ids == nil {
		h.ids = make(map[string]int, h.len())
		for row := range h.len() {
			h.ids[h.identity(row)] = row
		}
	}
	row, ok = h.ids[id]
	return row, ok
}

// identity is the row's key as a map key.
func (h *held) identity(row int) string {
	if row < len(h.plain) {
		return h.t.identity(h.plain[row])
	}
	key := make([]any, len(h.t.key))
	b := h.packed[h.at[row-len(h.plain)]:]
	for i := range h.t.cols {
		at := -1
		for n, k := range h.t.key {
			if k == i {
				at = n
			}
		}
		if at < 0 {
			b = values.Skip(b)
			continue
		}
		key[at], b = values.Take(b)
	}
	return values.RecordID(key)
}
