package entry

import (
	"crypto/sha256"
	"fmt"
	"strconv"

	"github.com/gorm-audit/auditplugin/audit"
)

const (
	// MaxImage bounds a record's before and after, each.
	MaxImage = 8 << 20
	// MaxMetadata bounds a record's metadata, everywhere.
	MaxMetadata = 64 << 10
	// ShortValue is how large a value may be in a column that is too large.
	ShortValue = 1 << 10
)

// Object returns the JSON of m, at most limit bytes long, or "" for an
// empty map. If it would be longer, values over 1 KiB are replaced by their
// length and hash; if that is not enough, the whole is.
func (e *Encoder) Object(m map[string]any, limit int) string {
	if len(m) == 0 {
		return ""
	}
	e.start(limit)
	e.object(m)
	if !e.full {
		return string(e.buf)
	}
	e.start(limit)
	e.buf = append(e.buf, '{')
	for i, k := range sortedKeys(m) {
		if i > 0 {
			e.buf = append(e.buf, ',')
		}
		e.key(Cut(k, TextLimit))
		e.buf = append(e.buf, ':')
		e.short(m[k])
		if e.full || len(e.buf) >= limit {
			return `{"<truncated>":{"truncated":true,"keys":` + strconv.Itoa(len(m)) + `}}`
		}
	}
	e.buf = append(e.buf, '}')
	return string(e.buf)
}

// Changes is Object for a list of changes.
func (e *Encoder) Changes(changes []audit.Change, limit int) string {
	return string(e.changesOf(changes, limit))
}

// changesOf is Changes in the encoder's own memory.
func (e *Encoder) changesOf(changes []audit.Change, limit int) []byte {
	if len(changes) == 0 {
		return nil
	}
	e.start(limit)
	e.changes(changes, false)
	if !e.full {
		return e.buf
	}
	e.start(limit)
	e.changes(changes, true)
	if !e.full && len(e.buf) <= limit {
		return e.buf
	}
	return append(e.buf[:0], `[{"path":"<truncated>","from":null,"to":null}]`...)
}

// changes writes the values of changes, or, if short, what stands for large ones.
func (e *Encoder) changes(changes []audit.Change, short bool) {
	value, pathLimit := (*Encoder).value, MaxImage
	if short {
		value, pathLimit = (*Encoder).short, TextLimit
	}
	e.depth = 2 // the list and the change are around each value
	e.buf = append(e.buf, '[')
	for i := range changes {
		if e.full || len(e.buf) > e.limit {
			e.full = true
			return
		}
		if i > 0 {
			e.buf = append(e.buf, ',')
		}
		e.buf = append(e.buf, `{"path":`...)
		e.string(Cut(changes[i].Path, pathLimit))
		e.buf = append(e.buf, `,"from":`...)
		value(e, changes[i].From)
		e.buf = append(e.buf, `,"to":`...)
		value(e, changes[i].To)
		e.buf = append(e.buf, '}')
	}
	e.buf = append(e.buf, ']')
}

// Names returns the JSON of a list of names, or "" for none.
func (e *Encoder) Names(names []string, limit int) string {
	if len(names) == 0 {
		return ""
	}
	e.start(limit)
	e.strings(names)
	if e.full || len(e.buf) > limit {
		return `["<truncated>"]`
	}
	return string(e.buf)
}

// Source returns the JSON of s, or "" for none.
func (e *Encoder) Source(s audit.Source) string {
	if s.IsZero() {
		return ""
	}
	e.start(MaxMetadata)
	e.buf = append(e.buf, `{"file":`...)
	e.string(Cut(s.File, TextLimit))
	e.buf = append(e.buf, `,"line":`...)
	e.buf = strconv.AppendInt(e.buf, int64(s.Line), 10)
	e.buf = append(e.buf, `,"function":`...)
	e.string(Cut(s.Function, TextLimit))
	e.buf = append(e.buf, '}')
	return string(e.buf)
}

// Value returns the JSON of any value. It is false, and a part of it, if it would be
// longer than limit.
func (e *Encoder) Value(v any, limit int) (text string, ok bool) {
	e.start(limit)
	e.value(v)
	return string(e.buf), !e.full
}

func (e *Encoder) start(limit int) {
	*e = Encoder{buf: e.buf[:0], limit: limit, path: e.path[:0]}
}

// short writes v if it takes at most ShortValue bytes. If not, it writes how long
// a text or bytes are and what they hash to, in the form that the plugin uses for
// values over its own limit.
func (e *Encoder) short(v any) {
	inner := Encoder{limit: ShortValue, depth: max(e.depth, 1)}
	inner.value(v)
	if !inner.full && len(inner.buf) <= ShortValue {
		e.buf = append(e.buf, inner.buf...)
		return
	}
	switch v := v.(type) {
	case string:
		e.truncated([]byte(v))
	case []byte:
		e.truncated(v)
	default:
		e.buf = append(e.buf, `{"truncated":true}`...)
	}
}

func (e *Encoder) truncated(b []byte) {
	e.buf = fmt.Appendf(e.buf, `{"truncated":true,"bytes":%d,"sha256":"%x"}`, len(b), sha256.Sum256(b))
}
