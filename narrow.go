package auditplugin

import (
	"slices"
	"strings"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/internal/catalog"
)

// narrowed is the target with no more columns than an UPDATE of the named ones can
// change, and the key: what can not change need not be read, twice.
func (t *target) narrowed(names []string, s *gorm.Statement) *target {
	if len(t.key) == 0 || len(names) == 0 || t.tbl.Triggered || t.tbl.HasRules ||
		t.tbl.Kind != catalog.Plain && t.tbl.Kind != catalog.Partitioned {
		return t
	}
	id := strings.Join(names, "\x00")
	if n, ok := t.narrow.Load(id); ok {
		return n.(*target)
	}
	var kept []int
	for i, c := range t.cols {
		column, known := t.tbl.Column(c.Name)
		if !known {
			return t
		}
		if column.Generated || column.OnUpdate || slices.Contains(t.key, i) ||
			slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, c.Name) }) {
			kept = append(kept, i)
		}
	}
	n := t
	if len(kept) < len(t.cols) {
		n = t.only(kept, s, names)
	}
	if t.narrows.Add(1) <= maxNarrow {
		t.narrow.Store(id, n)
	}
	return n
}

// maxNarrow bounds how many sets of columns are remembered for a table.
const maxNarrow = 256

// only is the target with the columns at the given positions, for an UPDATE of the
// named ones.
func (t *target) only(kept []int, s *gorm.Statement, names []string) *target {
	n := &target{model: t.model, tbl: t.tbl, ref: t.ref, exact: t.exact, blind: t.blind, index: make(map[string]int, len(kept))}
	for at, i := range kept {
		n.index[t.cols[i].Name] = at
		n.cols = append(n.cols, t.cols[i])
		n.rules = append(n.rules, t.rules[i])
		n.show = append(n.show, t.show[i])
		n.bare = append(n.bare, t.bare[i])
		n.qualified = append(n.qualified, t.qualified[i])
	}
	for _, k := range t.key {
		n.key = append(n.key, slices.Index(kept, k))
	}
	n.keyStays = !slices.ContainsFunc(n.key, func(k int) bool {
		return slices.ContainsFunc(names, func(name string) bool { return strings.EqualFold(name, n.cols[k].Name) })
	})
	n.joinLists(s)
	for _, i := range t.byName {
		if at := slices.Index(kept, i); at >= 0 {
			n.byName = append(n.byName, at)
		}
	}
	return n
}
