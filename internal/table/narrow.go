package table

import (
	"slices"
	"strings"

	"github.com/gorm-audit/auditplugin/internal/catalog"
)

// maxNarrow bounds how many sets of columns are remembered for a table.
const maxNarrow = 256

// Narrowed is the table with no more columns than an UPDATE of the named ones can
// change, and the key: what can not change need not be read, twice.
func (t *Table) Narrowed(names []string) *Table {
	if len(t.Key) == 0 || len(names) == 0 || t.Catalog.Triggered || t.Catalog.HasRules ||
		t.Catalog.Kind != catalog.Plain && t.Catalog.Kind != catalog.Partitioned {
		return t
	}
	id := strings.Join(names, "\x00")
	if n, ok := t.narrowed.Load(id); ok {
		return n.(*Table)
	}
	var kept []int
	for i, c := range t.Columns {
		column, known := t.Column(i)
		if !known {
			return t
		}
		if column.Generated || column.OnUpdate || slices.Contains(t.Key, i) || i == t.Naming ||
			slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, c.Name) }) {
			kept = append(kept, i)
		}
	}
	n := t
	if len(kept) < len(t.Columns) {
		n = t.Only(kept, names)
	}
	if t.narrowing.Add(1) <= maxNarrow {
		t.narrowed.Store(id, n)
	}
	return n
}

// Only is the table with the columns at the given positions, for an UPDATE of the
// named ones.
func (t *Table) Only(kept []int, names []string) *Table {
	n := &Table{
		Model: t.Model, Catalog: t.Catalog, Name: t.Name, Tenant: t.Tenant, SQLName: t.SQLName, Exact: t.Exact, Blind: t.Blind,
		Index: make(map[string]int, len(kept)), Naming: slices.Index(kept, t.Naming),
	}
	for at, i := range kept {
		n.Index[t.Columns[i].Name] = at
		n.Columns = append(n.Columns, t.Columns[i])
		n.Rules = append(n.Rules, t.Rules[i])
		n.Show = append(n.Show, t.Show[i])
		n.Bare = append(n.Bare, t.Bare[i])
		n.Qualified = append(n.Qualified, t.Qualified[i])
	}
	n.List = strings.Join(n.Qualified, ",")
	for _, k := range t.Key {
		n.Key = append(n.Key, slices.Index(kept, k))
	}
	n.KeyStays = !slices.ContainsFunc(n.Key, func(k int) bool {
		return slices.ContainsFunc(names, func(name string) bool { return strings.EqualFold(name, n.Columns[k].Name) })
	})
	for _, i := range t.ByName {
		if at := slices.Index(kept, i); at >= 0 {
			n.ByName = append(n.ByName, at)
		}
	}
	return n
}

// By is the table with its rows told apart by other columns than its key.
func (t *Table) By(at []int) *Table {
	by := t.Only(t.All(), nil)
	by.Key = at
	return by
}
