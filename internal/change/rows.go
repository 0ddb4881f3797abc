package change

import (
	"slices"
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
	// pages follow plain.
	pages []page
	next  int // the row that is likely to be looked for next
}

// page holds packed rows. One slice for all of them would be there twice while it grows.
type page struct {
	packed []byte
	at     []uint32 // where each row starts
}

// pageRows is how many rows a page has, all but the last.
const pageRows = 256

// Len is how many there are.
func (r *Rows) Len() int {
	n := len(r.plain)
	if last := len(r.pages) - 1; last >= 0 {
		n += last*pageRows + len(r.pages[last].at)
	}
	return n
}

// packed is where a row that is not plain starts.
func (r *Rows) packed(row int) []byte {
	row -= len(r.plain)
	p := &r.pages[row/pageRows]
	return p.packed[p.at[row%pageRows]:]
}

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
	last := len(r.pages) - 1
	if last < 0 || len(r.pages[last].at) == pageRows {
		if last >= 0 {
			r.pages[last].packed = slices.Clip(slices.Clone(r.pages[last].packed))
		}
		r.pages = append(r.pages, page{at: make([]uint32, 0, pageRows)})
		last++
	}
	p := &r.pages[last]
	p.at = append(p.at, uint32(len(p.packed))) //nolint:gosec // 256 rows of 4 GiB do not fit into memory
	p.packed = packImage(p.packed, img)
}

// Image is the row's image. It must not be changed.
func (r *Rows) Image(row int) table.Image {
	if row < len(r.plain) {
		return r.plain[row]
	}
	img, _ := unpackImage(r.packed(row), len(r.Table.Columns))
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
	// The rows come back in the order in which they were read, as a rule: that spares an
	// index of all of them.
	if r.next < r.Len() && r.Identity(r.next) == id {
		r.next++
		return r.next - 1, true
	}
	r.index()
	if row, ok = r.ids[id]; ok {
		r.next = row + 1
	}
	return row, ok
}

// Distinct reports whether no two rows have the same identity.
func (r *Rows) Distinct() bool {
	r.index()
	return len(r.ids) == r.Len()
}

func (r *Rows) index() {
	if r.ids != nil {
		return
	}
	r.ids = make(map[string]int, r.Len())
	for row := range r.Len() {
		r.ids[r.Identity(row)] = row
	}
}

// Identity is the row's key as a map key.
func (r *Rows) Identity(row int) string {
	if row < len(r.plain) {
		return r.Table.Identity(r.plain[row])
	}
	key := make([]any, len(r.Table.Key))
	b := r.packed(row)
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
