package emitter

import (
	"strings"

	"gorm.io/gorm"
)

// inserter makes the INSERT statements of one table.
type inserter interface {
	// chunk is how many of n rows the next statement takes.
	chunk(n int) int
	// statement is the INSERT of rows, as many as chunk said.
	statement(rows []row) (query string, args []any)
}

// The rows of one statement mostly differ in these columns alone; the others are
// then sent once.
var perRow = [...]int{0, timeAt, 6, 7, 8, 9, 10} // id, occurred_at, record_id, before, after, changed, changes

// isPerRow tells the columns in perRow from the others.
func isPerRow(at int) bool {
	for _, i := range perRow {
		if i == at {
			return true
		}
	}
	return false
}

// sharing reports whether rows, of which there are two or more, differ only in the
// columns of perRow.
func sharing(rows []row) bool {
	if len(rows) < 2 {
		return false
	}
	first := &rows[0]
	for n := 1; n < len(rows); n++ {
		r := &rows[n]
		if r.version != first.version {
			return false
		}
		for i := 2; i < insertedColumns; i++ {
			if (i < 6 || i > 10) && (r.null[i] != first.null[i] || r.text[i] != first.text[i]) {
				return false
			}
		}
	}
	return true
}

func newInserter(db *gorm.DB, dialect string, table tableName) inserter {
	// Texts, not time.Time, so that no driver setting moves the time.
	switch dialect {
	case postgres:
		return newPostgresInserter(table)
	case sqlite:
		// As its driver writes times, but of a fixed length, for ordering.
		return newValuesInserter(dialect, table, "2006-01-02 15:04:05.000000+00:00")
	case mysql:
		return newValuesInserter(dialect, table, "2006-01-02 15:04:05.000000")
	default:
		return newGenericInserter(db, table)
	}
}

// quoter returns db's way to quote names.
func quoter(db *gorm.DB) func(string) string {
	return func(name string) string {
		var b strings.Builder
		db.QuoteTo(&b, name)
		return b.String()
	}
}

// newGenericInserter lets the dialect quote names and write placeholders.
func newGenericInserter(db *gorm.DB, table tableName) inserter {
	quoteWith := quoter(db)
	names := Columns()[1:]
	for i, name := range names {
		names[i] = quoteWith(name)
	}
	row := func(first int) string {
		// BindVarTo numbers placeholders by how many values the statement has.
		stmt := &gorm.Statement{DB: db, Vars: make([]any, first)}
		var b strings.Builder
		for i := range insertedColumns {
			if i > 0 {
				b.WriteByte(',')
			}
			stmt.Vars = append(stmt.Vars, nil)
			db.BindVarTo(&b, stmt, nil)
		}
		return "(" + b.String() + ")"
	}
	return &genericInserter{
		head: "INSERT INTO " + quoteWith(table.dotted()) + " (" + strings.Join(names, ",") + ") VALUES ",
		row:  row,
	}
}

// genericInserter passes times as time.Time and leaves the rest to the dialect.
type genericInserter struct {
	head string
	// row returns the placeholders of a row that follows first values.
	row func(first int) string
}

func (g *genericInserter) chunk(n int) int { return n }

func (g *genericInserter) statement(rows []row) (string, []any) {
	var q strings.Builder
	q.WriteString(g.head)
	args := make([]any, 0, len(rows)*insertedColumns)
	for i := range rows {
		if i > 0 {
			q.WriteByte(',')
		}
		q.WriteString(g.row(len(args)))
		for c := range insertedColumns {
			args = append(args, rows[i].value(c, ""))
		}
	}
	return q.String(), args
}

// value is a column as an argument: NULL, a text, or, without a layout, the time.
func (r *row) value(column int, layout string) any {
	switch {
	case column == timeAt && layout == "":
		return r.time
	case column == timeAt:
		return r.time.Format(layout)
	case column == versionAt:
		return int64(r.version)
	case r.null[column]:
		return nil
	}
	return r.text[column]
}
