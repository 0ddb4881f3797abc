package dialect

// Known reports whether a table of ours has a form in the dialect.
func Known(dialect string) bool {
	return dialect == SQLite || dialect == Postgres || dialect == MySQL
}

// Pick is the text that a known dialect says something with.
func Pick(dialect, inSQLite, inPostgres, inMySQL string) string {
	switch dialect {
	case Postgres:
		return inPostgres
	case MySQL:
		return inMySQL
	default:
		return inSQLite
	}
}

// Identity is the type of a primary key that the database counts. On PostgreSQL it is no
// serial column, whose sequence would need a right of its own beside INSERT.
func Identity(dialect string) string {
	return Pick(dialect, "INTEGER PRIMARY KEY AUTOINCREMENT", "bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY", "BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY")
}

// Text is the type of a text: inMySQL there, where it says how long the text may be.
func Text(dialect, inMySQL string) string { return Pick(dialect, "TEXT", "text", inMySQL) }

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
	head := "CREATE TABLE IF NOT EXISTS " + t.Quoted(dialect) + " (\n"
	if dialect == MySQL {
		// MySQL has no CREATE INDEX IF NOT EXISTS, and commits before each statement:
		// one statement makes all or nothing.
		for _, ix := range indexes {
			body += ",\n  " + ix.kind("KEY") + " " + Quote(dialect, ix.Name) + " (" + ix.Columns + ")"
		}
		// Binary collation: ids that differ in case are different ids.
		return []string{head + body + "\n) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin"}
	}
	statements := []string{head + body + "\n)"}
	for _, ix := range indexes {
		statements = append(statements, CreateIndex(dialect, t, ix))
	}
	return statements
}

// CreateIndex is the statement that adds an index to a table of a known dialect.
func CreateIndex(dialect string, t Table, ix Index) string {
	name, on := Table{Name: ix.Name}, t
	switch dialect {
	case MySQL:
		return "CREATE " + ix.kind("INDEX") + " " + name.Quoted(dialect) + " ON " + on.Quoted(dialect) + " (" + ix.Columns + ")"
	case SQLite:
		// SQLite qualifies the index and PostgreSQL the table: each puts an index beside
		// its table, and does not allow the other spelling.
		name.Schema, on.Schema = t.Schema, ""
	}
	statement := "CREATE " + ix.kind("INDEX") + " IF NOT EXISTS " + name.Quoted(dialect) + " ON " + on.Quoted(dialect) + ix.Using + " (" + ix.Columns + ")"
	if ix.Where != "" {
		statement += " WHERE " + ix.Where
	}
	return statement
}
