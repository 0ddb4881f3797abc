package change

import (
	"time"

	"github.com/gorm-audit/auditplugin/internal/table"
	"github.com/gorm-audit/auditplugin/internal/values"
)

// Rows are the before images of the rows that an UPDATE is about to change, packed
// when there are many.
type Rows struct {
	Table *table.Table
	// Location is where the driver keeps its clock, as seen in a time that it read;
	// nil when it read none, or gives times as text.
	Location *time.Location

	plain []table.Image
	keys  map[int][]any // by row, where the key has to be the driver's own values
	ids   map[string]int
	// packed follows plain; at is where each row starts.
	packed []byte
	at     []int
}

// Len is how many there are.
func (r *Rows) Len() int { return len(r.plain) + len(r.at) }

// Add takes a row as the driver gave it.
func (r *Rows) Add(raw []any) {
	row := r.Len()
	img := r.Table.Normalise(raw)
	for i := 0; r.Location == nil && i < len(raw); i++ {
		if at, ok := raw[i].(time.Time); ok {
			r.Location = at.Location()
		}
	}
	for _, k := range r.Table.Key {
		switch img[k].(type) {
		case string, int64, uint64:
			if param := table.Param(img[k], raw[k]); param == img[k] {
				continue
			}
		}
		if r.keys == nil {
			r.keys = map[int][]any{}
		}
		r.keys[row] = r.Table.KeyParams(img, raw)
		break
	}
	if row < MaxPlain {
		r.plain = append(r.plain, img)
		return
	}
	r.at = append(r.at, len(r.packed))
	r.packed = packImage(r.packed, img)
}

// Image is the row's image. It must not be changed.
func (r *Rows) Image(row int) table.Image {
	if row < len(r.plain) {
		return r.plain[row]
	}
	img, _ := unpackImage(r.packed[r.at[row-len(r.plain)]:], len(r.Table.Columns))
	return img
}

// Key is the row's key as parameters.
func (r *Rows) Key(row int) []any {
	if params, ok := r.keys[row]; ok {
		return params
	}
	img := r.Image(row)
	params := make([]any, len(r.Table.Key))
	for i, k := range r.Table.Key {
		params[i] = img[k]
	}
	return params
}

// Find is the row with an identity.
func (r *Rows) Find(id string) (row int, ok bool) {
	if r.Len() == 1 {
		return 0, r.Table.Identity(r.Image(0)) == id
	}
	if r.ids == nil {
		r.ids = make(map[string]int, r.Len())
		for row := range r.Len() {
			r.ids[r.Identity(row)] = row
		}
	}
	row, ok = r.ids[id]
	return row, ok
}

// Identity is the row's key as a map key.
func (r *Rows) Identity(row int) string {
	if row < len(r.plain) {
		return r.Table.Identity(r.plain[row])
	}
	key := make([]any, len(r.Table.Key))
	b := r.packed[r.at[row-len(r.plain)]:]
	for i := range r.Table.Columns {
		at := -1
		for n, k := range r.Table.Key {
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
