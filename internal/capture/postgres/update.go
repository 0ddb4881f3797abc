package postgres

import (
	"fmt"
	"slices"
	"strings"

	"gorm.io/gorm/clause"

	"github.com/gorm-audit/auditplugin/internal/dialect"
	"github.com/gorm-audit/auditplugin/internal/statement"
	"github.com/gorm-audit/auditplugin/internal/table"
)

// oldPrefix names the before image's columns so that nothing in the application's
// expressions can mean them by accident.
const oldPrefix = "auditplugin_old"

// updateSingle runs the UPDATE joined with its own rows as they were:
//
//	UPDATE t SET … FROM (SELECT … FROM t WHERE … FOR NO KEY UPDATE) old WHERE t.key = old.key RETURNING old, t
func updateSingle(s *statement.Statement, names []string) (statement.Outcome, error) {
	t := s.Table
	parts := partsOf(t)
	query, args, err := singleSQL(s, parts, names)
	if err != nil {
		return statement.Outcome{}, err
	}
	n, affected := len(t.Columns), int64(0)
	both := make(table.Image, 2*n)
	before, after := both[:n], both[n:]
	note := func(raw []any) error {
		affected++
		t.NormaliseInto(before, raw[:n])
		copy(after, before)
		for i, at := range parts.after {
			after[at] = t.Rules[at].Normalise(raw[n+i])
		}
		if !table.Same(before, after) {
			s.Log.Note(t, before, after)
		}
		return nil
	}
	width := n + len(parts.after)
	if !s.WantRows {
		err := s.Each(query, args, width, note)
		return s.Counted(affected), err
	}
	theirs, added, err := s.Added(query, args, width)
	if err != nil {
		return statement.Outcome{}, err
	}
	for _, raw := range added {
		_ = note(raw) // it can not fail
	}
	return statement.Outcome{Rows: theirs}, nil
}

// singleSQL is the UPDATE that gives both images, and its arguments.
func singleSQL(s *statement.Statement, p *parts, names []string) (string, []any, error) {
	t := s.Table
	if d, ok := t.Standing.Get(s.Query); ok && d.Rows == s.WantRows {
		return d.Query, s.Args, nil
	}
	returning, ok := s.Returning()
	if !ok {
		return "", nil, s.Refuse("its RETURNING clause is not GORM's")
	}
	b := s.SQL()
	statement.Build(b, "UPDATE", "SET")
	statement.Write(b, " FROM (SELECT ", p.before, " FROM ")
	b.WriteQuoted(clause.Table{Name: clause.CurrentTable})
	statement.Build(b, "WHERE")
	statement.Write(b, s.RowLock(t, t.KeysChange(names)), ") ", p.join, " RETURNING ")
	if returning != "" {
		list := strings.TrimPrefix(returning, "RETURNING ")
		if list == "*" {
			list = s.Dialect.Quote(t.Name.Alias) + ".*"
		}
		statement.Write(b, list, ",")
	}
	statement.Write(b, p.images)
	query := strings.TrimSpace(b.SQL.String())
	if statement.SameArguments(s.Args, b.Vars) {
		t.Standing.Put(s.Query, table.Derived{Query: query, Rows: s.WantRows})
	}
	return query, b.Vars, nil
}

// parts are the texts that the UPDATE of a table is put together from: the before images'
// columns, the join with them, and both images' columns. Of the after images it has those
// at the given positions.
type parts struct {
	before, join, images string
	after                []int
}

type partsKey struct{}

func partsOf(t *table.Table) *parts {
	return t.Memo(partsKey{}, func() any { return newParts(t) }).(*parts)
}

func newParts(t *table.Table) *parts {
	old := dialect.Quote(dialect.Postgres, oldPrefix)
	column := func(i int) string { return fmt.Sprintf("auditplugin_o%d", i) }
	var before, join, images []string
	p := &parts{}
	for i, c := range t.Qualified {
		before = append(before, c+" AS "+column(i))
		images = append(images, old+"."+column(i))
	}
	for _, k := range t.Key {
		join = append(join, t.Qualified[k]+"="+old+"."+column(k))
	}
	for i, c := range t.Qualified {
		if !t.KeyStays || !slices.Contains(t.Key, i) {
			images, p.after = append(images, c), append(p.after, i)
		}
	}
	p.before = strings.Join(before, ",")
	p.join = old + " WHERE " + strings.Join(join, " AND ")
	p.images = strings.Join(images, ",")
	return p
}
