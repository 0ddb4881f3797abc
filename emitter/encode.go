package emitter

import (
	"context"
	"crypto/sha256"
	"fmt"
	"strconv"
	"sync"

	"github.com/gorm-audit/auditplugin/audit"
)

const (
	// maxImage bounds a record's before and after, each.
	maxImage = 8 << 20
	// maxMetadata bounds a record's metadata, everywhere.
	maxMetadata = 64 << 10
	// shortValue is how large a value may be in a column that is too large.
	shortValue = 1 << 10
	// maxShared bounds the encodings that one transaction's emitters share.
	maxShared = 8 << 20
)

// encodeObject returns the JSON of m, at most limit bytes long, or "" for an
// empty map. If it would be longer, values over 1 KiB are replaced by their
// length and hash; if that is not enough, the whole is.
func (e *encoder) encodeObject(m map[string]any, limit int) string {
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
		e.key(cut(k, textLimit))
		e.buf = append(e.buf, ':')
		e.short(m[k])
		if e.full || len(e.buf) >= limit {
			return `{"<truncated>":{"truncated":true,"keys":` + strconv.Itoa(len(m)) + `}}`
		}
	}
	e.buf = append(e.buf, '}')
	return string(e.buf)
}

// encodeChanges is encodeObject for a list of changes.
func (e *encoder) encodeChanges(changes []audit.Change, limit int) string {
	if len(changes) == 0 {
		return ""
	}
	e.start(limit)
	e.changes(changes, e.value, maxImage)
	if !e.full {
		return string(e.buf)
	}
	e.start(limit)
	e.changes(changes, e.short, textLimit)
	if !e.full && len(e.buf) <= limit {
		return string(e.buf)
	}
	return `[{"path":"<truncated>","from":null,"to":null}]`
}

func (e *encoder) changes(changes []audit.Change, value func(any), pathLimit int) {
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
		e.string(cut(changes[i].Path, pathLimit))
		e.buf = append(e.buf, `,"from":`...)
		value(changes[i].From)
		e.buf = append(e.buf, `,"to":`...)
		value(changes[i].To)
		e.buf = append(e.buf, '}')
	}
	e.buf = append(e.buf, ']')
}

// encodeNames returns the JSON of a list of names, or "" for none.
func (e *encoder) encodeNames(names []string, limit int) string {
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

// encodeSource returns the JSON of s, or "" for none.
func (e *encoder) encodeSource(s audit.Source) string {
	if s.IsZero() {
		return ""
	}
	e.start(maxMetadata)
	e.buf = append(e.buf, `{"file":`...)
	e.string(cut(s.File, textLimit))
	e.buf = append(e.buf, `,"line":`...)
	e.buf = strconv.AppendInt(e.buf, int64(s.Line), 10)
	e.buf = append(e.buf, `,"function":`...)
	e.string(cut(s.Function, textLimit))
	e.buf = append(e.buf, '}')
	return string(e.buf)
}

func (e *encoder) start(limit int) {
	*e = encoder{buf: e.buf[:0], limit: limit, path: e.path[:0]}
}

// short writes v if it takes at most shortValue bytes. If not, it writes how long
// a text or bytes are and what they hash to, in the form that the plugin uses for
// values over its own limit.
func (e *encoder) short(v any) {
	inner := encoder{limit: shortValue, depth: max(e.depth, 1)}
	inner.value(v)
	if !inner.full && len(inner.buf) <= shortValue {
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

func (e *encoder) truncated(b []byte) {
	e.buf = fmt.Appendf(e.buf, `{"truncated":true,"bytes":%d,"sha256":"%x"}`, len(b), sha256.Sum256(b))
}

// images holds the JSON of a record's before and after.
type images struct{ before, after string }

type sharedKey struct{}

// shared holds the images of one transaction's records by record id.
type shared struct {
	mu    sync.Mutex
	size  int
	byID  map[string]images
	limit int
}

// ShareEncodings returns a context under which the emitters of this package
// encode each record once and share the result. The plugin passes one such
// context to all emitters of a transaction. At most 8 MiB are kept for as long as
// the context lives; what does not fit is encoded again.
func ShareEncodings(ctx context.Context) context.Context {
	return context.WithValue(ctx, sharedKey{}, &shared{byID: make(map[string]images), limit: maxShared})
}

// encodeImages returns the images of r, from ctx if an emitter before this one
// has encoded them.
func (e *encoder) encodeImages(ctx context.Context, r *audit.Record) images {
	s, _ := ctx.Value(sharedKey{}).(*shared)
	if s == nil || r.ID == "" {
		return images{e.encodeObject(r.Before, maxImage), e.encodeObject(r.After, maxImage)}
	}
	s.mu.Lock()
	img, ok := s.byID[r.ID]
	s.mu.Unlock()
	if ok {
		return img
	}
	img = images{e.encodeObject(r.Before, maxImage), e.encodeObject(r.After, maxImage)}
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := len(r.ID) + len(img.before) + len(img.after); s.size+n <= s.limit {
		s.size += n
		s.byID[r.ID] = img
	}
	return img
}
