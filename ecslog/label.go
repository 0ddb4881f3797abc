package ecslog

import (
	"log/slog"
	"slices"
	"strings"
)

// label puts v into the labels object, under the path it could not have.
func (l *line) label(path string, v slog.Value) {
	l.labelAt(strings.TrimPrefix(path, "labels."), v, 0)
}

func (l *line) labelAt(path string, v slog.Value, depth int) {
	if l.nodes--; l.nodes < 0 {
		return
	}
	v = v.Resolve()
	if v.Kind() == slog.KindGroup && depth <= maxDepth {
		for _, m := range v.Group() {
			name := path
			if m.Key != "" {
				name += "." + m.Key
			}
			l.labelAt(name, m.Value, depth+1)
		}
		return
	}
	if v.Kind() == slog.KindGroup {
		v = slog.StringValue(tooDeep)
	}
	if v.Kind() == slog.KindAny {
		text := l.encoded(v)
		switch text[0] {
		case 'n':
			return
		case '{', '[':
			v = slog.StringValue(text)
		}
	}
	labels, key := l.branch(0, "labels"), labelKey(path)
	if i := l.find(labels, key); i >= 0 {
		l.items[i].value = v
		return
	}
	l.grow(labels, item{key: key, value: v})
}

// labelKey replaces what the specification does not allow in a label's name.
func labelKey(key string) string {
	key = strings.Map(func(r rune) rune {
		switch r {
		case '.', '*', '\\':
			return '_'
		}
		return r // invalid bytes arrive, and leave, as U+FFFD
	}, key)
	if key == "" {
		return "_"
	}
	return key
}

// pathOf returns key if it names a path, or names something without dots; a key
// that is neither is made into one name.
func pathOf(key string) string {
	if strings.IndexByte(key, '.') < 0 || strings.Count(key, ".") > maxDepth {
		return flatName(key)
	}
	if key[0] == '.' || key[len(key)-1] == '.' || strings.Contains(key, "..") {
		return flatName(key)
	}
	return strings.ToValidUTF8(key, "\ufffd")
}

// flatName returns key as one valid name.
func flatName(key string) string {
	if key == "" {
		return "_"
	}
	return strings.ToValidUTF8(strings.ReplaceAll(key, ".", "_"), "\ufffd")
}

// groupOf returns a map as attributes, sorted by name.
func groupOf(m map[string]any) []slog.Attr {
	attrs := make([]slog.Attr, 0, len(m))
	for k, v := range m {
		attrs = append(attrs, slog.Any(k, v))
	}
	slices.SortFunc(attrs, func(a, b slog.Attr) int { return strings.Compare(a.Key, b.Key) })
	return attrs
}
