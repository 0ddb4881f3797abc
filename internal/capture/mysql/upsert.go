package mysql

import (
	"maps"
	"slices"
	"strings"

	"gorm.io/gorm/clause"

	"github.com/gorm-audit/auditplugin/internal/capture"
	"github.com/gorm-audit/auditplugin/internal/catalog"
	"github.com/gorm-audit/auditplugin/internal/fault"
	"github.com/gorm-audit/auditplugin/internal/statement"
	"github.com/gorm-audit/auditplugin/internal/table"
)

// beforeVariable is the user variable that collects before images while the statement
// runs: the first assignment of ON DUPLICATE KEY UPDATE sees each row as it was.
const beforeVariable = "@auditplugin_before"

var errReturning = fault.Quiet("auditplugin: the RETURNING clause is not GORM's")

// Upsert takes no lock ahead of the statement. A lock on a key that does not
// exist is a gap lock, and two of those deadlock.
func (i Images) Upsert(s *statement.Statement, oc clause.OnConflict) (statement.Outcome, error) {
	if len(oc.DoUpdates) == 0 && s.DB.Statement.Schema == nil {
		return s.Plain() // GORM knows no column to assign to itself: it fails, as it would have
	}
	at := -1
	if len(s.Table.Columns) > 0 {
		at = assignable(s.Table, oc, s.Dialect.MariaDB)
	}
	if at < 0 {
		return i.Portable.Upsert(s, oc)
	}
	vals, form := s.Values(), HexForm{}
	ask := asked{key: capture.AssignsKey(s, oc)}
	if len(vals.Values) > 1 {
		ask.sent = sentUniques(s, vals)
	}
	query, args := collecting(s, oc, at, ask)
	if err := s.Ledger.Exec(s.Ctx, "SET "+beforeVariable+" = ''"); err != nil {
		s.Ledger.Failed(err)
		return statement.Outcome{}, s.Unreadable(err)
	}
	out, stored, err := i.runUpsert(s, query, args, form)
	if err != nil {
		return out, err
	}
	raw, err := s.Read("SELECT "+beforeVariable+","+ZoneProbe, nil)
	if err != nil {
		return out, err
	}
	if len(raw) == 1 {
		form.Zone = statement.ZoneOf(raw[0][1])
	}
	ask.form = form
	hits, err := ask.parse(s, raw)
	if err != nil {
		return out, err
	}
	if len(vals.Values) == 0 {
		vals.Values = [][]any{nil} // DEFAULT VALUES
	}
	added, err := inserted(s, vals, ask.sent, hits)
	if err != nil {
		return out, err
	}
	if len(s.Table.Key) == 0 {
		s.Form = form
		return out, recordKeyless(s, oc, added, hits)
	}
	return out, record(s, vals, added, ask, hits, stored, out)
}

// collecting is the statement made to note each row that it meets, by assigning the column
// at a position to itself: first the row as it is, and last its key. Assignments are made
// from left to right, and see what those before them made.
func collecting(s *statement.Statement, oc clause.OnConflict, at int, ask asked) (string, []any) {
	t, b := s.Table, s.SQL()
	column := clause.Column{Name: t.Columns[at].Name}
	name := s.Dialect.Quote(column.Name)
	note := func(opens string, fields []string, closes string) clause.Assignment {
		text := "CONCAT('" + opens + "',CONCAT_WS(','," + strings.Join(fields, ",") + "),'" + closes + "')"
		return clause.Assignment{Column: column, Value: clause.Expr{
			SQL: "IF((" + beforeVariable + " := CONCAT(IFNULL(" + beforeVariable + ",'')," + text + ")) IS NULL," + name + "," + name + ")",
		}}
	}
	first := append(ask.form.Columns(t), ask.form.Sent(t.Only(ask.sent, nil))...)
	oc.DoUpdates = append(clause.Set{note("(", first, ")")}, oc.DoUpdates...)
	if ask.key {
		oc.DoUpdates = append(oc.DoUpdates, note("[", ask.form.Columns(t.Only(t.Key, nil)), "]"))
	}
	oc.DoNothing = false
	c := b.Clauses["ON CONFLICT"]
	c.Name, c.Expression = "ON CONFLICT", oc
	b.Clauses = maps.Clone(b.Clauses)
	b.Clauses["ON CONFLICT"] = c
	statement.Build(b, "INSERT", "VALUES", "ON CONFLICT")
	return strings.TrimSpace(b.SQL.String()), b.Vars
}

// assignable is the position of a column that an assignment to itself, by way of IF, leaves as
// it is; -1 where there is none. Columns of the key come first. The AUTO_INCREMENT column is
// a late choice: with it MySQL fails (error 1869) when two rows of the statement meet it.
func assignable(t *table.Table, oc clause.OnConflict, mariaDB bool) int {
	best, rank := -1, 4
	for _, k := range append(append([]int(nil), t.Key...), t.All()...) {
		c, _ := t.Column(k)
		r := 1
		switch {
		case c.Generated || c.OnUpdate:
			continue
		// MariaDB keeps such a value where VALUES() of the same column has its own, which
		// the row's old one then takes the place of: nobody may ask for that.
		case mariaDB && isLong(c.DBType):
			if assigns(oc, c.Name) {
				continue
			}
			r = 3
		// MySQL reads the hour that summer time repeats as the first of the two, and loses
		// documents on its way to the next row.
		case !mariaDB && (c.DBType == "TIMESTAMP" || c.DBType == "JSON"):
			continue
		case c.AutoIncrement:
			r = 2
		case isExact(c.DBType):
			r = 0
		}
		if r < rank {
			best, rank = k, r
		}
	}
	return best
}

// assigns reports whether an upsert may assign a column, or ask what was sent for it.
func assigns(oc clause.OnConflict, column string) bool {
	return slices.ContainsFunc(oc.DoUpdates, func(a clause.Assignment) bool {
		c, named := a.Value.(clause.Column)
		return statement.ColumnName(a) == column || named && c.Name == column || !named && statement.IsExpression(a.Value)
	})
}

// isLong reports whether a type's values are kept apart from their row.
func isLong(dbType string) bool {
	return strings.HasSuffix(dbType, "TEXT") || dbType == "JSON" || isBinary(dbType) && !strings.HasSuffix(dbType, "BINARY")
}

// isExact reports whether a type stores each value that it has. What others hold, an empty
// ENUM or a date of zeros, they may refuse to be given.
func isExact(dbType string) bool {
	return isLong(dbType) || strings.Contains(dbType, "INT") || strings.HasSuffix(dbType, "CHAR") || strings.HasSuffix(dbType, "BINARY") ||
		strings.HasPrefix(dbType, "DECIMAL")
}

// touchesItself reports whether the table has columns that an UPDATE changes by itself.
// MariaDB returns them changed also of rows that were left as they are.
func touchesItself(t *table.Table) bool {
	return slices.ContainsFunc(t.Catalog.Columns, func(c catalog.Column) bool { return c.OnUpdate })
}

// runUpsert runs the statement, with the stored rows returned where both the
// server can and GORM asked for rows.
func (i Images) runUpsert(s *statement.Statement, query string, args []any, form HexForm) (statement.Outcome, [][]any, error) {
	if !s.WantRows {
		out, err := s.Exec(query, args)
		return out, nil, err
	}
	returning, ok := s.Returning()
	if !ok || returning == "" {
		return statement.Outcome{}, nil, s.Unreadable(errReturning)
	}
	query += " " + returning
	if i.ReturnsInserted == nil || !i.ReturnsInserted(s) || touchesItself(s.Table) {
		set, err := s.Rows(query, args, 0)
		return statement.Outcome{Rows: set}, nil, err
	}
	n := len(s.Table.Columns)
	theirs, added, err := s.Added(query+","+strings.Join(form.Columns(s.Table), ","), args, n)
	if err != nil {
		return s.Partial(theirs, n), nil, err
	}
	if added == nil {
		added = [][]any{}
	}
	return statement.Outcome{Rows: theirs}, added, nil
}
