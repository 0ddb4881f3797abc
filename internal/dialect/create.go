package dialect

// Index is an index of a table that is created.
type Index struct {
	Name    string
	Columns string // as SQL, what stands in the parentheses
	Using   string // what stands before them; not in MySQL
	Unique  bool
	Where   string // which rows it holds, as SQL, "" for all; MySQL's hold all
}

// kind is the index's kind, which ends with word.
func (ix Index) kind(word string) string {
	if ix.Unique {
		return "UNIQUE " + word
	}
	return word
}

// CreateTable is the statements, without semicolons, that create a table of a known
// dialect and its indexes unless they exist. The body is its columns.
func CreateTable(dialect string, t Table, body string, indexes ...Index) []string {
	facts := FactsOf(dialect)
	head := "CREATE TABLE IF NOT EXISTS " + t.Quoted(dialect) + " (\n"
	if facts.IndexesInTable {
		for _, ix := range indexes {
			body += ",\n  " + ix.kind("KEY") + " " + facts.Quote(ix.Name) + " (" + ix.Columns + ")"
		}
		return []string{head + body + "\n)" + facts.TableOptions}
	}
	statements := []string{head + body + "\n)"}
	for _, ix := range indexes {
		statements = append(statements, CreateIndex(dialect, t, ix))
	}
	return statements
}

// CreateIndex is the statement that adds an index to a table of a known dialect.
func CreateIndex(dialect string, t Table, ix Index) string {
	facts, name, on := FactsOf(dialect), Table{Name: ix.Name}, t
	if facts.IndexesInTable {
		return "CREATE " + ix.kind("INDEX") + " " + name.Quoted(dialect) + " ON " + on.Quoted(dialect) + " (" + ix.Columns + ")"
	}
	if facts.IndexHasSchema {
		name.Schema, on.Schema = t.Schema, ""
	}
	statement := "CREATE " + ix.kind("INDEX") + " IF NOT EXISTS " + name.Quoted(dialect) + " ON " + on.Quoted(dialect) + ix.Using + " (" + ix.Columns + ")"
	if ix.Where != "" {
		statement += " WHERE " + ix.Where
	}
	return statement
}
