package ecslog

import (
	"log/slog"
	"strings"
)

// maxHeld is how many dotted keys of one line the direct path compares one by one.
const maxHeld = 16

// held is an attribute whose key is a path into an ECS field set. The direct path
// keeps it until the others are written, so that those of one set meet in one
// object without a tree.
type held struct {
	path  string
	value slog.Value
	done  bool
}

// hold keeps an attribute for later, or returns false if it needs the tree.
func (l *line) hold(path string, v slog.Value, lv *level) bool {
	set, rest, _ := strings.Cut(path, ".")
	if !lv.top || len(l.held) >= maxHeld || !isPlainPath(path) || !isHoldable(set, rest, v.Kind()) {
		return false
	}
	known := false
	for i := range l.held {
		other := l.held[i].path
		if strings.HasPrefix(other, set) && other[len(set)] == '.' {
			if known = true; overlap(other, path) {
				return false
			}
		}
	}
	if !known && !l.use(set, lv) {
		return false
	}
	l.held = append(l.held, held{path: path, value: v})
	return true
}

// isHoldable reports whether a value of that kind can be written at set.rest
// without looking at the other fields of the line.
func isHoldable(set, rest string, kind slog.Kind) bool {
	switch set {
	case "log", "labels", "error", "ecs", "service", "process", "source":
		return false // these have rules of their own, or fields of the handler's
	case "trace", "transaction", "span":
		return rest == "id" && kind == slog.KindString
	case "event":
		return kind != slog.KindGroup && !strings.HasPrefix(rest, "dataset")
	}
	return kind != slog.KindGroup && isFieldSet(set)
}

// isPlainPath reports whether path is two to four plain keys joined by dots.
func isPlainPath(path string) bool {
	for range 4 {
		seg, rest, more := strings.Cut(path, ".")
		if !isPlainKey(seg) {
			return false
		}
		if !more {
			return true
		}
		path = rest
	}
	return false
}

// overlap reports whether a and b are the same path or one leads through the other.
func overlap(a, b string) bool {
	if len(a) > len(b) {
		a, b = b, a
	}
	return strings.HasPrefix(b, a) && (len(a) == len(b) || b[len(a)] == '.')
}

// holdsEvent reports whether an attribute of the event object is held.
func (l *line) holdsEvent() bool {
	for i := range l.held {
		if strings.HasPrefix(l.held[i].path, "event.") {
			return true
		}
	}
	return false
}

// writeHeld writes the held attributes whose path begins with prefix.
func (l *line) writeHeld(prefix string) {
	for i := range l.held {
		h := &l.held[i]
		if h.done || !strings.HasPrefix(h.path, prefix) {
			continue
		}
		seg, _, more := strings.Cut(h.path[len(prefix):], ".")
		l.key(seg)
		if !more {
			l.value(h.value)
			h.done = true
			continue
		}
		l.buf = append(l.buf, '{')
		l.writeHeld(h.path[:len(prefix)+len(seg)+1])
		l.buf = append(l.buf, '}')
	}
}
