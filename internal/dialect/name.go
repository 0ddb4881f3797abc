package dialect

import "strings"

// Quote quotes one identifier for a dialect by GORM's name.
func Quote(dialect, name string) string {
	if dialect == MySQL || dialect == SQLite {
		return quote('`', name)
	}
	return quote('"', name)
}

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
