package statement

import (
	"regexp"
	"slices"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gorm-audit/auditplugin/internal/catalog"
	"github.com/gorm-audit/auditplugin/internal/sqltext"
	"github.com/gorm-audit/auditplugin/internal/table"
)

// Assignments are the columns an UPDATE sets, in order, by the names that the catalog has
// for them.
func (s *Statement) Assignments() []clause.Assignment {
	set, _ := s.DB.Statement.Clauses["SET"].Expression.(clause.Set)
	return s.named(set)
}

// named has columns by the names of the catalog. Where those are in the statement, as
// nearly always, it is the same slice.
func (s *Statement) named(set []clause.Assignment) []clause.Assignment {
	if s.Table == nil {
		return set // before the catalog was asked
	}
	for i, a := range set {
		name := ColumnName(a)
		if own := s.Table.Canonical(name); own != name {
			set = slices.Clone(set)
			for ; i < len(set); i++ {
				set[i].Column.Name = s.Table.Canonical(ColumnName(set[i]))
			}
			return set
		}
	}
	return set
}

// AssignedNames are the bare names of the columns that are set.
func AssignedNames(set []clause.Assignment) []string {
	names := make([]string, len(set))
	for i, a := range set {
		names[i] = ColumnName(a)
	}
	return names
}

// ColumnName is the bare name of the column that an assignment sets.
func ColumnName(a clause.Assignment) string {
	return a.Column.Name[strings.LastIndexByte(a.Column.Name, '.')+1:]
}

// ColumnNames are the names of columns.
func ColumnNames(columns []clause.Column) []string {
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = c.Name
	}
	return names
}

// IsExpression reports whether v becomes SQL rather than a parameter.
func IsExpression(v any) bool {
	switch v.(type) {
	case clause.Expression, clause.Column, clause.Table, gorm.Valuer, *gorm.DB, []any:
		return true
	}
	return false
}

// Assigned builds the SQL of an assignment's value, with what makes of it what its column
// would store around it.
type Assigned struct {
	Value         any
	Before, After string
}

// Build writes it.
func (a Assigned) Build(b clause.Builder) {
	_, _ = b.WriteString(a.Before)
	b.AddVar(b, a.Value)
	_, _ = b.WriteString(a.After)
}

// Values are what an INSERT sends, by the names that the catalog has for its columns.
func (s *Statement) Values() clause.Values {
	vals, _ := s.DB.Statement.Clauses["VALUES"].Expression.(clause.Values)
	if s.Table == nil {
		return vals // before the catalog was asked
	}
	for i, c := range vals.Columns {
		if own := s.Table.Canonical(c.Name); own != c.Name {
			vals.Columns = slices.Clone(vals.Columns)
			for ; i < len(vals.Columns); i++ {
				vals.Columns[i].Name = s.Table.Canonical(vals.Columns[i].Name)
			}
			break
		}
	}
	return vals
}

// OnConflict is what an INSERT does with rows that are there already; false where it says
// nothing of them.
func (s *Statement) OnConflict() (clause.OnConflict, bool) {
	oc, ok := s.DB.Statement.Clauses["ON CONFLICT"].Expression.(clause.OnConflict)
	if ok {
		oc.DoUpdates = s.named(oc.DoUpdates)
	}
	return oc, ok
}

// TuplesOf returns the values sent for columns, where all of them were. NULL
// conflicts with nothing.
func TuplesOf(vals clause.Values, columns []string) [][]any {
	at := make([]int, len(columns))
	for i, name := range columns {
		if at[i] = ColumnAt(vals, name); at[i] < 0 {
			return nil
		}
	}
	var tuples [][]any
next:
	for _, v := range vals.Values {
		tuple := make([]any, len(at))
		for i, n := range at {
			if c, ok := v[n].(clause.Expr); v[n] == nil || ok && len(c.Vars) == 0 {
				continue next // NULL, DEFAULT, or SQL that a WHERE does not know
			}
			tuple[i] = v[n]
		}
		tuples = append(tuples, tuple)
	}
	return tuples
}

// ColumnAt is the place of a column among those that are sent, or -1.
func ColumnAt(vals clause.Values, name string) int {
	at := -1
	for i, c := range vals.Columns {
		if c.Name == name {
			at = i
		}
	}
	return at
}

// Joins reports whether the statement names other tables beside its own.
func (s *Statement) Joins() bool {
	from := s.from()
	return len(from.Joins) > 0 || len(from.Tables) > 0 || strings.Contains(s.Updated().Name, ",")
}

// Updated is what stands behind the word UPDATE, with a name only where a clause says it.
func (s *Statement) Updated() clause.Table {
	u, _ := s.DB.Statement.Clauses["UPDATE"].Expression.(clause.Update)
	return u.Table
}

// names are the clauses that the statement is made of. GORM leaves others out where the
// database has no such thing.
func (s *Statement) names() []string {
	if s.Op == Delete && s.IsUpdate() {
		return s.DB.Callback().Update().Clauses
	}
	return s.DB.Statement.BuildClauses
}

// from are the tables beside the statement's own.
func (s *Statement) from() clause.From {
	if !slices.Contains(s.names(), "FROM") {
		return clause.From{}
	}
	from, _ := s.DB.Statement.Clauses["FROM"].Expression.(clause.From)
	return from
}

// Has reports whether the statement has one of the clauses.
func (s *Statement) Has(names ...string) bool {
	for _, name := range names {
		if _, ok := s.DB.Statement.Clauses[name]; ok {
			return true
		}
	}
	return false
}

// PoliciesCount reports whether row-level security lets the statement touch only rows that
// the role may see, whatever we add to it: it reads columns by itself. On tables without
// such policies it makes no difference.
func (s *Statement) PoliciesCount() bool {
	return !s.Table.Catalog.RowSecurity || s.WantRows || s.Op != Create && s.Has("WHERE")
}

// ModifiedUpdate reports whether the UPDATE says more than which table: IGNORE changes
// what does not fit.
func (s *Statement) ModifiedUpdate() bool {
	u, ok := s.DB.Statement.Clauses["UPDATE"].Expression.(clause.Update)
	return ok && (u.Modifier != "" || u.Table.Name != "")
}

// Modifies reports whether the UPDATE's modifier has a word, in upper case.
func (s *Statement) Modifies(word string) bool {
	u, _ := s.DB.Statement.Clauses["UPDATE"].Expression.(clause.Update)
	return strings.Contains(strings.ToUpper(u.Modifier), word)
}

// Returning is the application's own RETURNING clause as it ends its SQL, or "" when there
// is none. ok is false when the application wants rows by other words.
func (s *Statement) Returning() (text string, ok bool) {
	c, has := s.DB.Statement.Clauses["RETURNING"]
	if !has || c.Expression == nil {
		return "", !s.WantRows
	}
	b := s.SQL()
	c.Build(b)
	text = b.SQL.String()
	if strings.HasSuffix(s.Query, text) {
		return text, true
	}
	// GORM leaves the clause out of statements whose dialect has none.
	return "", !s.WantRows
}

// WithReturning adds a table's columns to what the application's statement returns.
func (s *Statement) WithReturning(t *table.Table) (query string, ok bool) {
	if d, ok := t.Returning.Get(s.Query); ok && d.Rows == s.WantRows {
		return d.Query, true
	}
	text, ok := s.Returning()
	if !ok {
		return "", false
	}
	sep := " RETURNING "
	if text != "" {
		sep = ","
	}
	query = s.Query + sep + strings.Join(t.Bare, ",")
	t.Returning.Put(s.Query, table.Derived{Query: query, Rows: s.WantRows})
	return query, true
}

// IsUpdate reports whether the statement is an UPDATE, as a soft delete is.
func (s *Statement) IsUpdate() bool {
	switch sqltext.FirstWord(s.Dialect.Name(), s.Query) {
	case "UPDATE":
		return true
	case "WITH":
		return s.Has("SET")
	}
	return false
}

// Predictable reports whether the statement, which assigns the named columns, changes
// nothing but those, in the rows that were read.
func (s *Statement) Predictable(names []string) bool {
	t := s.Table
	if len(t.Key) == 0 || t.Catalog.Triggered || t.Catalog.Kind != catalog.Plain && t.Catalog.Kind != catalog.Partitioned || !s.Name.Simple || s.Joins() {
		return false
	}
	if s.ModifiedUpdate() || s.Has("ORDER BY", "LIMIT") || t.KeyIn(names) {
		return false
	}
	for i := range t.Columns {
		column, _ := t.Column(i)
		if column.Generated || column.OnUpdate && !slices.Contains(names, column.Name) {
			return false
		}
	}
	return !callsAnything(s.Query)
}

// invocation matches a word before a parenthesis, and what else makes a condition look
// beyond the row: subqueries and variables.
var invocation = regexp.MustCompile("(?i)([\\p{L}\\p{N}_$]+|`)\\s*\\(|\\bSELECT\\b|@")

// callsAnything reports whether a statement may call a function, whose value could
// differ between our reading and the application's writing.
func callsAnything(query string) bool {
	if !strings.ContainsAny(query, "(@") {
		return false
	}
	for _, m := range invocation.FindAllStringSubmatch(query, -1) {
		switch strings.ToUpper(m[1]) {
		case "IN", "AND", "OR", "NOT", "WHERE", "XOR", "BETWEEN", "LIKE", "IS":
		default:
			return true
		}
	}
	return false
}
