package ecslog

import (
	"encoding/json"
	"log/slog"
	"strings"
	"time"
)

// addIn places a as if inside the given groups.
func (l *line) addIn(groups []string, a slog.Attr) {
	if len(groups) == 0 {
		l.add(0, a, 0)
		return
	}
	parent, mark := int32(0), len(l.path)
	defer func() { l.path = l.path[:mark] }()
	for _, g := range groups {
		for rest, more := pathOf(g), true; more; {
			var seg string
			seg, rest, more = strings.Cut(rest, ".")
			l.push(seg)
			if parent >= 0 {
				parent = l.enter(parent, seg)
			}
		}
	}
	if parent < 0 {
		l.spill(a)
		return
	}
	l.add(parent, a, len(groups))
}

// enter returns the object seg in parent, whose path is l.path, or -1 if no object
// may stand there.
func (l *line) enter(parent int32, seg string) int32 {
	switch l.rule() {
	case ruleReserved, ruleString, ruleInteger, ruleLabels:
		return -1
	}
	return l.branch(parent, seg)
}

// spill moves a, which belongs below l.path but can not stand there, to labels.
func (l *line) spill(a slog.Attr) {
	v := a.Value.Resolve()
	if a.Key == "" && (v.Kind() == slog.KindGroup || anyOf(v) == nil && v.Kind() == slog.KindAny) {
		l.label(string(l.path), v)
		return
	}
	l.label(string(l.path)+"."+a.Key, v)
}

// add places a in parent, whose path is l.path.
func (l *line) add(parent int32, a slog.Attr, depth int) {
	v := a.Value.Resolve()
	if l.nodes--; l.nodes < 0 {
		return
	}
	if depth > maxDepth {
		v = slog.StringValue(tooDeep)
	}
	if a.Key == "" {
		switch {
		case v.Kind() == slog.KindGroup:
			for _, m := range v.Group() {
				l.add(parent, m, depth+1)
			}
			return
		case v.Kind() == slog.KindAny && v.Any() == nil:
			return
		}
	}
	if v.Kind() == slog.KindGroup && len(v.Group()) == 0 {
		return
	}
	if len(l.path) == 0 && a.Key == "err" {
		if _, ok := anyOf(v).(error); ok {
			a.Key = "error"
		}
	}
	mark := len(l.path)
	defer func() { l.path = l.path[:mark] }()
	key := pathOf(a.Key)
	for {
		seg, rest, more := strings.Cut(key, ".")
		l.push(seg)
		if !more {
			l.place(parent, seg, v, depth)
			return
		}
		if l.rule() == ruleLabels {
			l.label(rest, v)
			return
		}
		if parent = l.enter(parent, seg); parent < 0 {
			l.label(string(l.path)+"."+rest, v)
			return
		}
		key = rest
	}
}

// place puts v at parent's member key; l.path names it in full.
func (l *line) place(parent int32, key string, v slog.Value, depth int) {
	path, group := l.path, v.Kind() == slog.KindGroup
	rule := l.rule()
	if rule == ruleReserved || (l.c.pinned && !group && l.c.isOwnPath(string(path))) {
		l.label(string(path), v)
		return
	}
	switch rule {
	case ruleLabels:
		if members, ok := l.explode(v); ok {
			for _, m := range members {
				l.label(m.Key, m.Value)
			}
		} else if !isNil(v) {
			l.label("labels", v)
		}
		return
	case ruleString:
		if isNil(v) {
			return
		}
		text, ok := l.scalarText(v)
		if !ok {
			l.label(string(path), v)
			return
		}
		v = slog.StringValue(text)
	case ruleInteger:
		if n, ok := anyOf(v).(json.Number); ok {
			if i, err := n.Int64(); err == nil {
				v = slog.Int64Value(i)
			}
		}
		if v.Kind() != slog.KindInt64 && v.Kind() != slog.KindUint64 {
			l.label(string(path), v)
			return
		}
	case ruleError:
		if err, ok := anyOf(v).(error); ok {
			v = errorGroup(err)
			break
		}
		if v.Kind() == slog.KindString {
			v = slog.GroupValue(slog.String("message", v.String()))
			break
		}
		v, group = l.asObject(v), true
	case ruleSource:
		if src, ok := anyOf(v).(*slog.Source); ok {
			if src != nil {
				l.origin(newOrigin(src.File, src.Line, src.Function))
			}
			return
		}
		v, group = l.asObject(v), true
	case ruleObject:
		v, group = l.asObject(v), true
	}
	if v.Kind() == slog.KindGroup {
		obj := l.branch(parent, key)
		if obj < 0 {
			l.label(string(path), v)
			return
		}
		for _, m := range v.Group() {
			l.add(obj, m, depth+1)
		}
		return
	}
	if group { // an object is due, and v is none
		if !isNil(v) {
			l.label(string(path), v)
		}
		return
	}
	switch i := l.find(parent, key); {
	case i < 0:
		l.grow(parent, item{key: key, value: v})
	case l.items[i].object:
		l.label(string(path), v)
	default:
		l.items[i].value = v
	}
}

// addOwn places a field of the handler's options, unless an attribute has.
func (l *line) addOwn(a slog.Attr) {
	parent, key := int32(0), a.Key
	for {
		seg, rest, more := strings.Cut(key, ".")
		if !more {
			if l.find(parent, seg) < 0 {
				l.grow(parent, item{key: seg, value: a.Value})
			}
			return
		}
		if parent = l.branch(parent, seg); parent < 0 {
			return
		}
		key = rest
	}
}

// origin places a *slog.Source that was given as an attribute.
func (l *line) origin(o *origin) {
	if l.c.pinned && l.c.addSource {
		return
	}
	l.path = l.path[:0]
	for _, a := range o.attrs() {
		l.add(0, a, 0)
	}
	l.path = append(l.path[:0], "source"...)
}

func errorGroup(err error) slog.Value {
	message := errorText(err)
	attrs := []slog.Attr{slog.String("type", typeName(err)), slog.String("message", message)}
	if stack := stackText(err, message); stack != "" {
		attrs = append(attrs, slog.String("stack_trace", stack))
	}
	return slog.GroupValue(attrs...)
}

// asObject returns v as a group if it encodes as a JSON object, else as it is.
func (l *line) asObject(v slog.Value) slog.Value {
	if members, ok := l.explode(v); ok {
		return slog.GroupValue(members...)
	}
	return v
}

// explode returns the members of a value that is or encodes as an object.
func (l *line) explode(v slog.Value) ([]slog.Attr, bool) {
	if v.Kind() == slog.KindGroup {
		return v.Group(), true
	}
	if v.Kind() != slog.KindAny {
		return nil, false
	}
	decoded, err := decodeJSON([]byte(l.encoded(v)))
	if err != nil {
		return nil, false
	}
	m, ok := decoded.(map[string]any)
	if !ok {
		return nil, false
	}
	return groupOf(m), true
}

// encoded returns v as JSON.
func (l *line) encoded(v slog.Value) string {
	mark := len(l.buf)
	l.value(v)
	s := string(l.buf[mark:])
	l.buf = l.buf[:mark]
	return s
}

// scalarText returns v as text, if it is a scalar.
func (l *line) scalarText(v slog.Value) (string, bool) {
	switch v.Kind() {
	case slog.KindGroup:
		return "", false
	case slog.KindString:
		return v.String(), true
	case slog.KindTime:
		return v.Time().UTC().Format(time.RFC3339Nano), true
	}
	text := l.encoded(v)
	switch text[0] {
	case '{', '[':
		return "", false
	case '"':
		var s string
		if json.Unmarshal([]byte(text), &s) != nil {
			return "", false
		}
		return s, true
	}
	return text, true
}

// rule returns the rule for l.path.
func (l *line) rule() fieldRule { return pathRule(string(l.path)) }

// push makes seg the last part of l.path.
func (l *line) push(seg string) {
	if len(l.path) > 0 {
		l.path = append(l.path, '.')
	}
	l.path = append(l.path, seg...)
}

func isNil(v slog.Value) bool { return v.Kind() == slog.KindAny && v.Any() == nil }
