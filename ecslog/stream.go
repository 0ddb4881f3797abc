package ecslog

import (
	"log/slog"
	"slices"
)

// maxStreamKeys is how many keys of one level the direct path compares one by one.
const maxStreamKeys = 32

// level is one object that the direct path is writing.
type level struct {
	start int      // its first key in line.keys
	bound []string // keys already in it
	top   bool
	depth int
}

// stream writes the attributes in the order they came, without building anything.
// That serves when every key is a plain one; as soon as one is not, it gives up
// and returns false, and the tree places everything.
func (l *line) stream(h *Handler, r slog.Record, extra []slog.Attr) bool {
	l.buf = append(l.buf, h.pre...)
	before := len(l.buf)
	for _, g := range h.groups[h.open:] {
		l.key(g)
		l.buf = append(l.buf, '{')
	}
	opened := len(l.buf)
	lv := level{top: len(h.groups) == 0, depth: len(h.groups)}
	if h.open == len(h.groups) {
		lv.bound = h.keys
	}
	ok := true
	for _, a := range extra {
		if ok = l.attr(a, &lv); !ok {
			return false
		}
	}
	r.Attrs(func(a slog.Attr) bool {
		ok = l.attr(a, &lv)
		return ok
	})
	if !ok {
		return false
	}
	closing := len(h.groups)
	if len(l.buf) == opened {
		l.buf, closing = l.buf[:before], h.open
	}
	for range closing {
		l.buf = append(l.buf, '}')
	}
	l.end(r)
	return true
}

// end writes the handler's own fields and closes the line.
func (l *line) end(r slog.Record) {
	c := l.c
	l.buf = append(l.buf, c.logHead...)
	open := c.logOpen
	member := func() {
		if !open {
			l.buf, open = append(l.buf, `,"log":{`...), true
		} else {
			l.buf = append(l.buf, ',')
		}
	}
	if c.addSource {
		if o := c.origins.of(r.PC); o != nil {
			member()
			l.buf = append(l.buf, o.json...)
		}
	}
	if c.original {
		member()
		l.buf = append(l.buf, `"original":`...)
		l.text(r.Message)
	}
	if open {
		l.buf = append(l.buf, '}')
	}
	tail := c.tail
	if c.dataset != "" && l.holdsEvent() {
		l.held = append(l.held, held{path: "event.dataset", value: slog.StringValue(c.dataset)})
		tail = c.tailNoEvent
	}
	l.writeHeld("")
	l.buf = append(l.buf, tail...)
}

// key writes a plain key, with the comma before it.
func (l *line) key(k string) {
	if l.buf[len(l.buf)-1] != '{' {
		l.buf = append(l.buf, ',')
	}
	l.buf = append(l.buf, '"')
	l.buf = append(l.buf, k...)
	l.buf = append(l.buf, '"', ':')
}

// attr writes one attribute, or returns false if that needs the tree.
func (l *line) attr(a slog.Attr, lv *level) bool {
	v := a.Value
	if v.Kind() == slog.KindLogValuer {
		v = v.Resolve()
	}
	if l.nodes--; l.nodes < 0 {
		return false
	}
	kind := v.Kind()
	if a.Key == "" {
		if kind == slog.KindGroup {
			return lv.depth <= maxDepth && l.attrs(v.Group(), &level{lv.start, lv.bound, lv.top, lv.depth + 1})
		}
		return kind == slog.KindAny && v.Any() == nil
	}
	if !isPlainKey(a.Key) {
		return l.hold(a.Key, v, lv)
	}
	if lv.top {
		switch topClass(a.Key) {
		case streamTree:
			return false
		case streamGroup:
			if kind != slog.KindGroup {
				return false
			}
		case streamError:
			if err, ok := anyOf(v).(error); ok {
				return l.use("error", lv) && l.errorObject(err)
			}
			if a.Key == "error" {
				return false
			}
		}
	}
	if kind != slog.KindGroup {
		if !l.use(a.Key, lv) {
			return false
		}
		l.key(a.Key)
		l.value(v)
		return true
	}
	if len(v.Group()) == 0 {
		return true
	}
	if lv.depth > maxDepth || !l.use(a.Key, lv) {
		return false
	}
	before := len(l.buf)
	l.key(a.Key)
	l.buf = append(l.buf, '{')
	opened := len(l.buf)
	mark := len(l.keys)
	if !l.attrs(v.Group(), &level{start: mark, depth: lv.depth + 1}) {
		return false
	}
	l.keys = l.keys[:mark]
	if len(l.buf) == opened {
		l.buf = l.buf[:before]
		return true
	}
	l.buf = append(l.buf, '}')
	return true
}

// attrs writes the members of a group.
func (l *line) attrs(attrs []slog.Attr, lv *level) bool {
	for _, a := range attrs {
		if !l.attr(a, lv) {
			return false
		}
	}
	return true
}

// use notes that key is taken, or returns false if it was already.
func (l *line) use(key string, lv *level) bool {
	used := l.keys[lv.start:]
	if len(used)+len(lv.bound) >= maxStreamKeys || slices.Contains(used, key) || slices.Contains(lv.bound, key) {
		return false
	}
	l.keys = append(l.keys, key)
	return true
}

// errorObject writes err as the error object.
func (l *line) errorObject(err error) bool {
	message := errorText(err)
	l.key("error")
	l.buf = append(l.buf, `{"type":`...)
	l.text(typeName(err))
	l.buf = append(l.buf, `,"message":`...)
	l.text(message)
	if stack := stackText(err, message); stack != "" {
		l.buf = append(l.buf, `,"stack_trace":`...)
		l.text(stack)
	}
	l.buf = append(l.buf, '}')
	return true
}

// anyOf returns what a value of kind Any holds, and nil for the other kinds.
func anyOf(v slog.Value) any {
	if v.Kind() != slog.KindAny {
		return nil
	}
	return v.Any()
}
