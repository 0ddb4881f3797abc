package redact

import "strings"

// Join is the plan of a table that several models describe. For each column, and each
// place inside its documents, tags come before names, and of several tags the strictest
// holds: a field without a tag says nothing of a tag that another model gives it.
// Documents that the models describe in ways that can not both be are masked where one of
// them hides something.
func Join(plans ...*Plan) *Plan {
	out := plans[0]
	for _, p := range plans[1:] {
		out = join(out, p)
	}
	return out
}

func join(a, b *Plan) *Plan {
	j := joiner{known: map[[2]*shape]*shape{}}
	p := &Plan{config: a.config, table: a.table, columns: make(map[string]member, len(a.columns)+len(b.columns))}
	for _, from := range [...]*Plan{a, b} {
		for name := range from.columns {
			if strings.HasPrefix(name, "\x00") {
				continue
			}
			inA, okA := a.tagged(name)
			inB, okB := b.tagged(name)
			switch {
			case okA && okB:
				inA = j.member(inA, false, inB, false)
			case okB:
				inA = inB
			}
			p.add(name, inA)
		}
	}
	j.guard()
	return p
}

// tagged is what the plan's model says of a column, if anything.
func (p *Plan) tagged(column string) (member, bool) {
	if m, ok := p.columns[column]; ok {
		return m, true
	}
	m, ok := p.columns[foldKey(column)]
	return m, ok
}

// joiner joins the shapes of two plans, which may be cyclic.
type joiner struct {
	known map[[2]*shape]*shape
}

// member joins two members; aOpen and bOpen say that audit:"show" holds above them.
func (j *joiner) member(a member, aOpen bool, b member, bOpen bool) member {
	r := joined(underShow(a.rule, aOpen), underShow(b.rule, bOpen))
	if r.protects() {
		return member{rule: r, shape: anything}
	}
	return member{rule: r, shape: j.shape(a.shape, b.shape)}
}

// underShow is the rule of a field without a tag below one that is shown.
func underShow(r rule, open bool) rule {
	if open && r.op == opNone {
		r.op = opShow
	}
	return r
}

// joined prefers tags to what a name says, and of two tags the stricter.
func joined(a, b rule) rule {
	switch {
	case a.tagged() == b.tagged():
		return stricter(a, b)
	case a.tagged():
		return a
	default:
		return b
	}
}

func (r rule) tagged() bool { return r.op != opNone && r.op != opNamed }

func (j *joiner) shape(a, b *shape) *shape {
	switch {
	case a == b, b.kind == untyped && !b.open:
		return a
	case a.kind == untyped && !a.open:
		return b
	case a.kind == untyped && b.kind == untyped:
		return anythingOpen
	}
	pair := [2]*shape{a, b}
	if s, ok := j.known[pair]; ok {
		return s
	}
	s := &shape{open: a.open || b.open, kind: joinedKind(a.kind, b.kind)}
	j.known[pair] = s
	switch s.kind {
	case disputed:
		if s.guarded = a.guarded || b.guarded; !s.guarded {
			s.kind = untyped
		}
		return s
	case object:
		s.fields, s.folded = map[string]member{}, map[string]member{}
		for _, from := range [...]*shape{a, b} {
			for name := range from.fields {
				s.enter(name, j.field(a, b, name))
			}
		}
	}
	s.elem = j.elem(a, b)
	return s
}

// joinedKind prefers what is known; a map is an object some of whose keys are not.
func joinedKind(a, b shapeKind) shapeKind {
	switch {
	case a == b, b == untyped:
		return a
	case a == untyped:
		return b
	case a == object && b == dict, a == dict && b == object:
		return object
	}
	return disputed
}

// enter adds a field under its name and its folded one.
func (s *shape) enter(name string, m member) {
	s.fields[name] = m
	folded := fold(name)
	if other, twice := s.folded[folded]; !twice || other.rule.op <= m.rule.op {
		s.folded[folded] = m
	}
}

func (j *joiner) field(a, b *shape, name string) member {
	inA, okA := a.says(name)
	inB, okB := b.says(name)
	switch {
	case okA && okB:
		return j.member(inA, a.open, inB, b.open)
	case okB:
		return inB
	}
	return inA
}

// says is what a shape says of a key, if anything.
func (s *shape) says(key string) (member, bool) {
	if m, ok := s.fields[key]; ok {
		return m, true
	}
	if m, ok := s.folded[fold(key)]; ok {
		return m, true
	}
	if s.elem != nil {
		return s.entry(key), true
	}
	return member{shape: untypedShape(s.open)}, s.open
}

// elem is the shape of what is in a list, and of keys that are no fields; nil where
// neither says anything of them.
func (j *joiner) elem(a, b *shape) *shape {
	switch {
	case a.elem == nil && b.elem == nil:
		return nil
	case a.elem == nil:
		return j.shape(untypedShape(a.open), b.elem)
	case b.elem == nil:
		return j.shape(a.elem, untypedShape(b.open))
	}
	return j.shape(a.elem, b.elem)
}

func (j *joiner) guard() {
	made := make([]*shape, 0, len(j.known))
	for _, s := range j.known {
		made = append(made, s)
	}
	guard(made)
}
