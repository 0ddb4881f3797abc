package dialect

import (
	"cmp"
	"strings"
)

// Quote quotes one identifier for a dialect by GORM's name.
func Quote(dialect, name string) string { return FactsOf(dialect).Quote(name) }

// Quote quotes one identifier. GORM's quoting splits at dots, which a name may contain.
func (f *Facts) Quote(name string) string { return quote(cmp.Or(f.IdentQuote, '"'), name) }

func quote(q byte, name string) string {
	b := make([]byte, 0, len(name)+2)
	b = append(b, q)
	for i := range len(name) {
		if name[i] == q {
			b = append(b, q)
		}
		b = append(b, name[i])
	}
	return string(append(b, q))
}

// List quotes names, each behind the prefix, as a list.
func List(dialect, prefix string, names []string) string {
	quoted := make([]string, len(names))
	for i, name := range names {
		quoted[i] = prefix + Quote(dialect, name)
	}
	return strings.Join(quoted, ", ")
}

// Table is a table's name and, unless empty, its schema or database.
type Table struct{ Schema, Name string }

// ParseTable splits "schema.name".
func ParseTable(dotted string) Table {
	schema, name, qualified := strings.Cut(dotted, ".")
	if !qualified {
		return Table{Name: dotted}
	}
	return Table{Schema: schema, Name: name}
}

// ValidTable reports whether "name" or "schema.name" can be a table's. PostgreSQL would
// end the text of a statement at a NUL.
func ValidTable(dotted string) bool {
	t := ParseTable(dotted)
	return t.Name != "" && (t.Schema != "" || t.Name == dotted) && !strings.Contains(dotted, "\x00")
}

// Quoted is the name as SQL.
func (t Table) Quoted(dialect string) string {
	if t.Schema == "" {
		return Quote(dialect, t.Name)
	}
	return Quote(dialect, t.Schema) + "." + Quote(dialect, t.Name)
}

// Dotted is the name for people: "schema.name".
func (t Table) Dotted() string {
	if t.Schema == "" {
		return t.Name
	}
	return t.Schema + "." + t.Name
}
