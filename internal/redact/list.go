package redact

import (
	"cmp"
	"maps"
	"slices"
	"strconv"

	"gorm.io/gorm/schema"
)

// Hiding is a place that may not be seen.
type Hiding struct {
	Path   []string // the column, and the keys below it; "*" is any key or element
	How    string
	ByName bool // because of its name, and no tag
}

// Hidings lists what of a model's columns is not shown, by path.
func (p *Plan) Hidings(s *schema.Schema) []Hiding {
	var all []Hiding
	for _, name := range s.DBNames {
		m := p.member(name)
		if m.rule.op == opNamed {
			switch s.FieldsByDBName[name].GORMDataType {
			case schema.Bool, schema.Time: // shown all the same
				continue
			}
		}
		all = m.hidings([]string{name}, map[*shape]bool{}, all)
	}
	return all
}

// HidingsOf is Hidings of one column, of which nothing but its name is known.
func (p *Plan) HidingsOf(column string) []Hiding {
	return p.member(column).hidings([]string{column}, map[*shape]bool{}, nil)
}

func (m member) hidings(path []string, above map[*shape]bool, all []Hiding) []Hiding {
	if m.rule.protects() {
		return append(all, Hiding{slices.Clone(path), m.rule.String(), m.rule.op == opNamed})
	}
	s := m.shape
	if s == nil || above[s] {
		return all
	}
	above[s] = true
	defer delete(above, s)
	for _, key := range slices.SortedFunc(maps.Keys(s.fields), cmp.Compare[string]) {
		all = s.fields[key].hidings(append(path, key), above, all)
	}
	if s.elem != nil {
		all = member{shape: s.elem}.hidings(append(path, "*"), above, all)
	}
	if s.kind == disputed && s.guarded {
		all = append(all, Hiding{slices.Clone(path), rule{op: opMask}.String(), false})
	}
	return all
}

// String says what is done to a value.
func (r rule) String() string {
	switch r.op {
	case opDrop:
		return "never recorded"
	case opHash:
		return "hashed"
	case opTail:
		return "masked but for the last " + strconv.Itoa(r.tail)
	case opMask, opNamed:
		return "masked"
	}
	return "shown"
}
