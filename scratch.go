package auditplugin

import (
	"strings"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// scratch is a statement to build SQL on, with the clauses of the application's
// own: the final ones, as the database is about to see them. Building them changes
// nothing in them.
func (j *job) scratch() *gorm.Statement {
	from := j.db.Statement
	return &gorm.Statement{
		DB: j.db, TableExpr: from.TableExpr, Table: from.Table, Model: from.Model, Dest: from.Dest,
		ReflectValue: from.ReflectValue, Schema: from.Schema, Context: j.ctx, Unscoped: from.Unscoped,
		Clauses: from.Clauses, ConnPool: from.ConnPool,
	}
}

// build writes the named clauses that the statement has, each after a space.
func build(s *gorm.Statement, names ...string) {
	for _, name := range names {
		c, ok := s.Clauses[name]
		if !ok || c.Expression == nil && c.BeforeExpression == nil && c.Builder == nil {
			continue
		}
		write(s, " ")
		if b, ok := s.DB.ClauseBuilders[name]; ok {
			b(c, s)
		} else {
			c.Build(s)
		}
	}
}

// write appends to the statement; a strings.Builder does not fail.
func write(s *gorm.Statement, parts ...string) {
	for _, part := range parts {
		_, _ = s.WriteString(part)
	}
}

// selection says how the rows a statement will change are read.
type selection struct {
	columns string              // SQL of what to read
	exprs   []clause.Expression // then these
	lock    string
}

// selectRows builds the SELECT that finds the rows which the application's UPDATE
// or DELETE is about to change, by the same clauses.
func (j *job) selectRows(sel selection) (string, []any) {
	s := j.scratch()
	write(s, "SELECT ", sel.columns)
	for _, e := range sel.exprs {
		write(s, ",")
		e.Build(s)
	}
	from, _ := s.Clauses["FROM"].Expression.(clause.From)
	write(s, " FROM ")
	if j.op == opDelete && len(from.Tables) > 0 {
		from.Build(s)
	} else {
		s.WriteQuoted(clause.Table{Name: clause.CurrentTable})
		for _, t := range from.Tables {
			write(s, ",")
			s.WriteQuoted(t)
		}
		for _, join := range from.Joins {
			write(s, " ")
			join.Build(s)
		}
	}
	build(s, "WHERE", "ORDER BY", "LIMIT")
	write(s, sel.lock)
	return s.SQL.String(), s.Vars
}

// selectTarget is selectRows of the target's columns, remembered where the arguments
// are the last of the application's.
func (j *job) selectTarget(sel selection) (string, []any) {
	if d, ok := j.t.reading.get(j.query); ok && d.skip <= len(j.args) {
		return d.query, j.args[d.skip:]
	}
	query, args := j.selectRows(sel)
	if skip := len(j.args) - len(args); skip >= 0 && sameArguments(j.args[skip:], args) {
		j.t.reading.put(j.query, derived{query: query, skip: skip})
	}
	return query, args
}

// sameArguments reports whether a and b are certainly the same.
func sameArguments(a, b []any) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		// Types that can not be compared would panic.
		switch a[i].(type) {
		case nil, string, bool, int, int8, int16, int32, int64, uint, uint8, uint16, uint32, uint64, float32, float64, time.Time:
		default:
			return false
		}
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// assignments are the columns an UPDATE sets, in order.
func (j *job) assignments() []clause.Assignment {
	set, _ := j.db.Statement.Clauses["SET"].Expression.(clause.Set)
	return set
}

func assignedNames(set []clause.Assignment) []string {
	names := make([]string, len(set))
	for i, a := range set {
		names[i] = columnName(a)
	}
	return names
}

// columnName is the bare name of the column that an assignment sets.
func columnName(a clause.Assignment) string {
	return a.Column.Name[strings.LastIndexByte(a.Column.Name, '.')+1:]
}

// isExpression reports whether v becomes SQL rather than a parameter.
func isExpression(v any) bool {
	switch v := v.(type) {
	case clause.Expression, clause.Column, clause.Table, gorm.Valuer, *gorm.DB:
		return true
	case []any:
		return true
	default:
		_ = v
		return false
	}
}

// assigned builds the SQL of an assignment's value.
type assigned struct{ value any }

func (a assigned) Build(b clause.Builder) { b.AddVar(b, a.value) }

// returningText is the application's own RETURNING clause as it ends its SQL, or
// "" when there is none, or none that can be found again.
func (j *job) returningText() (text string, ok bool) {
	c, has := j.db.Statement.Clauses["RETURNING"]
	if !has || c.Expression == nil {
		return "", !j.wantRows
	}
	s := j.scratch()
	c.Build(s)
	text = s.SQL.String()
	if strings.HasSuffix(j.query, text) {
		return text, true
	}
	// GORM leaves the clause out of statements whose dialect has none.
	return "", !j.wantRows
}

// withReturning adds the target's columns to what the application's statement returns.
func (j *job) withReturning(t *target) (query string, ok bool) {
	if d, ok := t.returning.get(j.query); ok && d.rows == j.wantRows {
		return d.query, true
	}
	text, ok := j.returningText()
	if !ok {
		return "", false
	}
	sep := " RETURNING "
	if text != "" {
		sep = ","
	}
	query = j.query + sep + strings.Join(t.bare, ",")
	t.returning.put(j.query, derived{query: query, rows: j.wantRows})
	return query, true
}

func isUpdate(query string) bool {
	query = strings.TrimLeft(query, " \t\r\n(")
	return len(query) >= 6 && strings.EqualFold(query[:6], "UPDATE")
}
