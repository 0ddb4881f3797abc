package redact

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// walker applies members to values of one column.
type walker struct {
	config Config
	table  string
	seal   bool // keep the original beside what is shown, for comparing
}

// Column returns what may be seen of a column's canonical value. nil stays nil,
// so that a change from or to NULL can be seen. The value is not changed.
func (p *Plan) Column(table, column string, v any) any {
	w := walker{config: p.config, table: table}
	return w.apply(p.member(column), []string{column}, v)
}

// apply redacts v. The frames name the place for hashing: column and JSON keys.
func (w walker) apply(m member, frames []string, v any) any {
	if v == nil {
		return nil
	}
	if !m.rule.protects() {
		if MayBeDocument(v) {
			if doc, ok := w.opened(m.shape, v); ok {
				return w.inside(m.shape, frames, doc)
			}
		}
		return w.inside(m.shape, frames, v)
	}
	shown := w.shown(m.rule, frames, v)
	if w.seal {
		return sealed{shown: shown, original: v}
	}
	return shown
}

// shown is a protected value's visible form; whatever is not known to be safe to
// show is masked.
func (w walker) shown(r rule, frames []string, v any) any {
	switch r.op {
	case opNamed:
		switch v.(type) {
		case bool, time.Time: // has_password, token_issued: no room for a secret
			return v
		}
	case opTail:
		return tail(v, r.tail)
	case opHash:
		if _, isBool := v.(bool); !isBool {
			return hashed(w.config, w.table, frames, v)
		}
	}
	return Mask
}

// tail shows the last n characters of texts and whole numbers that have at least
// 2n+2, so that most of the value stays hidden.
func tail(v any, n int) any {
	var s string
	switch x := v.(type) {
	case string:
		s = x
	case int64:
		s = strconv.FormatInt(x, 10)
	case uint64:
		s = strconv.FormatUint(x, 10)
	case json.Number:
		s = string(x)
	default:
		return Mask
	}
	if !utf8.ValidString(s) {
		return Mask
	}
	runes := []rune(s)
	if len(runes) < 2*n+2 {
		return Mask
	}
	return Mask + string(runes[len(runes)-n:])
}

// inside redacts the inside of a value that may itself be shown.
func (w walker) inside(s *shape, frames []string, v any) any {
	if s.kind == untyped {
		return w.byName(s.open, v)
	}
	switch x := v.(type) {
	case map[string]any:
		switch s.kind {
		case object:
			return w.object(s, frames, x)
		case dict:
			out := make(map[string]any, len(x))
			for k, e := range x {
				out[k] = w.apply(s.entry(k), append(frames[:len(frames):len(frames)], k), e)
			}
			return out
		}
	case []any:
		if s.kind == list {
			out := make([]any, len(x))
			for i, e := range x {
				out[i] = w.apply(member{shape: s.elem}, frames, e)
			}
			return out
		}
	}
	if s.guarded {
		// Not the JSON that the type describes, so the tags find no hold: a type
		// with its own encoding, another serializer, a document of another release.
		return w.apply(member{rule: rule{op: opMask}}, frames, v)
	}
	return w.byName(s.open, v)
}

func (w walker) object(s *shape, frames []string, x map[string]any) any {
	out := make(map[string]any, len(x))
	for k, e := range x {
		m := s.field(k)
		if m.rule.op == opDrop {
			continue
		}
		out[k] = w.apply(m, append(frames[:len(frames):len(frames)], k), e)
	}
	return out
}

// field returns the member for a key, as encoding/json would find the field, or
// judges an unknown key by its name.
func (s *shape) field(key string) member {
	if m, ok := s.fields[key]; ok {
		return m
	}
	if m, ok := s.folded[fold(key)]; ok {
		return m
	}
	if s.elem != nil {
		return s.entry(key)
	}
	return named(key, s.open, untypedShape(s.open))
}

// entry returns the member for a key of a map.
func (s *shape) entry(key string) member { return named(key, s.open, s.elem) }

func named(key string, open bool, inner *shape) member {
	if !open && SecretName(key) {
		return member{rule: rule{op: opNamed}, shape: anything}
	}
	return member{shape: inner}
}

// byName redacts JSON of which no type is known: its keys decide.
func (w walker) byName(open bool, v any) any {
	if open {
		return v
	}
	switch x := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(x))
		for k, e := range x {
			out[k] = w.apply(named(k, false, anything), nil, e)
		}
		return out
	case []any:
		out := make([]any, len(x))
		for i, e := range x {
			out[i] = w.apply(member{shape: anything}, nil, e)
		}
		return out
	}
	return v
}

// Path returns what may be seen of the value at a path inside a column's JSON
// value, judged by the path alone. Where a part of the path is itself protected,
// or tags may apply that the path does not show, the value is masked. To redact
// all changes of a column, use [Plan.Changes], which also hides the paths.
func (p *Plan) Path(table, column string, path []string, v any) any {
	w := walker{config: p.config, table: table}
	m, frames := p.member(column), []string{column}
	for _, key := range path {
		if m.rule.protects() {
			return w.apply(member{rule: rule{op: opMask}}, nil, v)
		}
		index := key != "" && strings.Trim(key, "0123456789") == ""
		switch s := m.shape; {
		case s.kind == disputed:
			m = member{rule: rule{op: opMask}}
		case s.kind == list && index:
			m = member{shape: s.elem}
		case s.guarded && (s.kind == list || s.kind == object && index && !s.has(key)):
			m = member{rule: rule{op: opMask}}
		case s.kind == object:
			m, frames = s.field(key), append(frames, key)
		case s.kind == dict:
			m, frames = s.entry(key), append(frames, key)
		default:
			m = named(key, s.open, untypedShape(s.open))
		}
	}
	return w.apply(m, frames, v)
}

func (s *shape) has(key string) bool {
	_, ok := s.folded[fold(key)]
	return ok
}
