package alert

import (
	"slices"
	"strconv"
	"strings"

	"github.com/gorm-audit/auditplugin/audit"
)

// field is what a record says of one path: a column, or a place inside a JSON
// column.
type field struct {
	from, to       any
	before, after  bool // whether from and to exist
	changed, known bool
}

// find looks a path up. A path is known if the record's images hold it or its
// changes list it. In creates and deletes, what has a value has changed.
func find(r *audit.Record, path string) field {
	var f field
	f.from, f.before = dig(r.Before, path)
	f.to, f.after = dig(r.After, path)
	f.known = f.before || f.after
	switch r.Action {
	case audit.Create:
		f.changed = f.after && f.to != nil
	case audit.Delete:
		f.changed = f.before && f.from != nil
	default:
		// A masked value looks the same before and after; the list of changes
		// knows better.
		f.changed = listed(r, path, f)
	}
	f.known = f.known || f.changed
	return f
}

func listed(r *audit.Record, path string, f field) bool {
	for _, c := range r.Changes {
		if c.Path == path || strings.HasPrefix(c.Path, path+".") {
			return true
		}
		if strings.HasPrefix(path, c.Path+".") && f.known && (f.before != f.after || !same(f.from, f.to)) {
			return true
		}
	}
	return len(r.Changes) == 0 && slices.Contains(r.Changed, path)
}

// dig follows a path through an image: the column, then keys and indexes.
func dig(image map[string]any, path string) (any, bool) {
	if image == nil {
		return nil, false
	}
	if v, ok := image[path]; ok {
		return v, true
	}
	column, rest, deeper := strings.Cut(path, ".")
	v, ok := image[column]
	if !ok || !deeper {
		return nil, false
	}
	for key := range strings.SplitSeq(rest, ".") {
		switch container := v.(type) {
		case map[string]any:
			if v, ok = container[key]; !ok {
				return nil, false
			}
		case []any:
			i, err := strconv.Atoi(key)
			if err != nil || i < 0 || i >= len(container) {
				return nil, false
			}
			v = container[i]
		default:
			return nil, false
		}
	}
	return v, true
}
