package redact

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"
)

// member is a value's place: the rule for the value and the shape of its inside.
type member struct {
	rule  rule
	shape *shape
}

// shape is what a Go type says about the JSON it is stored as. Shapes of recursive
// types are cyclic; they are not changed once a plan is made.
type shape struct {
	kind    shapeKind
	open    bool // audit:"show" above: names inside do not matter
	guarded bool // a tag or a name inside protects something
	fields  map[string]member
	folded  map[string]member // by case-folded name
	elem    *shape
}

type shapeKind uint8

const (
	untyped shapeKind = iota // scalars, and JSON of which no type is known
	object
	list
	dict
	disputed // models of one table describe it in ways that can not both be
)

var (
	anything     = &shape{kind: untyped}
	anythingOpen = &shape{kind: untyped, open: true}
	timeType     = reflect.TypeFor[time.Time]()
)

func untypedShape(open bool) *shape {
	if open {
		return anythingOpen
	}
	return anything
}

type shapeKey struct {
	t    reflect.Type
	open bool
}

// builder makes the shapes of one plan.
type builder struct {
	config Config
	model  string
	table  string // whose columns the outermost members are; "" where there is none
	shapes map[shapeKey]*shape
}

func newBuilder(c Config, model string) *builder {
	return &builder{config: c, model: model, shapes: make(map[shapeKey]*shape)}
}

func indirect(t reflect.Type) reflect.Type {
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t
}

// shapeOf returns the shape of JSON that a value of type t encodes to.
func (b *builder) shapeOf(t reflect.Type, open bool, path string) (*shape, error) {
	t = indirect(t)
	if t == nil || t == timeType {
		return untypedShape(open), nil
	}
	for range maxWrappers {
		if inner := indirect(wrapped(t)); inner != nil {
			t = inner
		}
	}
	key := shapeKey{t, open}
	if s, ok := b.shapes[key]; ok {
		return s, nil
	}
	s := &shape{open: open}
	var err error
	switch t.Kind() {
	case reflect.Struct:
		s.kind = object
		b.shapes[key] = s
		err = b.addFields(s, t, path)
	case reflect.Slice, reflect.Array:
		if t.Elem().Kind() == reflect.Uint8 {
			return untypedShape(open), nil
		}
		s.kind = list
		b.shapes[key] = s
		s.elem, err = b.shapeOf(t.Elem(), open, path)
	case reflect.Map:
		s.kind = dict
		b.shapes[key] = s
		s.elem, err = b.shapeOf(t.Elem(), open, path)
	default:
		return untypedShape(open), nil
	}
	return s, err
}

// maxWrappers bounds wrappers in wrappers, and types that hand out themselves.
const maxWrappers = 4

// wrapped sees through generic wrappers that keep the document in a private field
// and hand it out by a Data method, as GORM's JSONType does.
func wrapped(t reflect.Type) reflect.Type {
	if t.Kind() != reflect.Struct {
		return nil
	}
	for i := range t.NumField() {
		if t.Field(i).IsExported() {
			return nil
		}
	}
	m, ok := t.MethodByName("Data")
	if !ok || m.Type.NumIn() != 1 || m.Type.NumOut() != 1 {
		return nil
	}
	return m.Type.Out(0)
}

// addFields fills an object's members level by level, as encoding/json promotes
// them: a shallower field hides deeper ones; at one depth the strictest counts.
func (b *builder) addFields(s *shape, t reflect.Type, path string) error {
	type layer struct {
		t    reflect.Type
		rule rule
	}
	s.fields = make(map[string]member)
	level, seen := []layer{{t: t}}, map[reflect.Type]bool{t: true}
	for len(level) > 0 {
		var next []layer
		found := make(map[string]member)
		for _, l := range level {
			for i := range l.t.NumField() {
				f := l.t.Field(i)
				tagged, err := b.ruleOf(f.Type, f.Tag.Get("audit"), path+"."+f.Name)
				if err != nil {
					return err
				}
				tagged = stricter(l.rule, tagged)
				name, inlined, ok := jsonName(f)
				switch {
				case !ok:
				case inlined:
					if inner := indirect(f.Type); !seen[inner] {
						seen[inner] = true
						next = append(next, layer{inner, tagged})
					}
				default:
					m, err := b.member(f.Type, tagged, s.open, f.Name, name, path)
					if err != nil {
						return err
					}
					if other, twice := found[name]; twice {
						m.rule = stricter(m.rule, other.rule)
					}
					found[name] = m
				}
			}
		}
		for name, m := range found {
			if _, hidden := s.fields[name]; !hidden {
				s.fields[name] = m
			}
		}
		level = next
	}
	s.folded = make(map[string]member, len(s.fields))
	for name, m := range s.fields {
		folded := fold(name)
		if other, twice := s.folded[folded]; twice && other.rule.op > m.rule.op {
			m = other
		}
		s.folded[folded] = m
	}
	return nil
}

// member makes the member for a field from its tag, its names and its type.
func (b *builder) member(t reflect.Type, r rule, open bool, goName, name, path string) (member, error) {
	open = open || r.op == opShow
	table := b.table
	if path != "" {
		table = "" // inside a document
	}
	if r.op == opNone && !open && indirect(t) != timeType && (SecretColumn(table, goName) || SecretColumn(table, name)) {
		r.op = opNamed
	}
	if r.protects() {
		return member{rule: r, shape: anything}, nil
	}
	inner, err := b.shapeOf(t, open, path+"."+goName)
	return member{rule: r, shape: inner}, err
}

// ruleOf parses a tag and checks that it can be kept.
func (b *builder) ruleOf(t reflect.Type, tag, path string) (rule, error) {
	r, err := parseTag(tag)
	if err == nil && r.op == opHash {
		switch {
		case len(b.config.HashKey) == 0:
			err = ErrHashKey
		case isBool(t):
			err = ErrHashBool
		}
	}
	if err != nil {
		return r, b.at(err, path)
	}
	return r, nil
}

// at names the model and the field, once.
func (b *builder) at(err error, path string) error {
	var placed *placedError
	if errors.As(err, &placed) {
		return err
	}
	return &placedError{fmt.Sprintf("model %s, field %s", b.model, strings.TrimPrefix(path, ".")), err}
}

type placedError struct {
	place string
	err   error
}

func (e *placedError) Error() string { return e.err.Error() + ": " + e.place }
func (e *placedError) Unwrap() error { return e.err }

func isBool(t reflect.Type) bool {
	t = indirect(t)
	if t == nil {
		return false
	}
	return t.Kind() == reflect.Bool || t.PkgPath() == "database/sql" && t.Name() == "NullBool"
}

func (b *builder) guard() { guard(slices.Collect(maps.Values(b.shapes))) }

// guard marks the shapes that protect something inside. It repeats until nothing
// changes, because shapes can be cyclic.
func guard(shapes []*shape) {
	for changed := true; changed; {
		changed = false
		for _, s := range shapes {
			if s.guarded || !s.protectsInside() {
				continue
			}
			s.guarded, changed = true, true
		}
	}
}

func (s *shape) protectsInside() bool {
	if s.elem != nil && s.elem.guarded {
		return true
	}
	for _, m := range s.fields {
		if m.rule.protects() || m.shape.guarded {
			return true
		}
	}
	return false
}
