package trigger

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gorm-audit/auditplugin/internal/dialect"
	"github.com/gorm-audit/auditplugin/internal/values"
)

// sqliteRows writes the columns of a table as rows of values. SQLite compiles a trigger with
// every statement that fires it: what is said once for each kind of column, and not once for
// each column, is compiled that much faster.
type sqliteRows struct {
	sqliteValues
	kinds  []values.Kind
	hidden []column // one for each way to hide values
}

func rowsOf(v sqliteValues, columns []column) sqliteRows {
	r := sqliteRows{sqliteValues: v}
	for _, c := range columns {
		if !slices.Contains(r.kinds, c.kind) {
			r.kinds = append(r.kinds, c.kind)
		}
		if r.how(c) == 0 && v.shown(c, "x", "y") != "y" {
			r.hidden = append(r.hidden, c)
		}
	}
	return r
}

// how numbers the ways in which values are hidden; 0 shows them as they are.
func (r sqliteRows) how(c column) int {
	return 1 + slices.IndexFunc(r.hidden, func(h column) bool { return r.shown(h, "x", "y") == r.shown(c, "x", "y") })
}

// form says by numbers how a column's values are written.
func (r sqliteRows) form(c column) string {
	return fmt.Sprintf("%d, %d", slices.Index(r.kinds, c.kind), r.how(c))
}

// show is what a record shows of x, whose canonical value is y, in the way that how numbers.
func (r sqliteRows) show(how, x, y string) string {
	b := y
	if len(r.hidden) > 0 {
		b = "CASE " + how
		for i, c := range r.hidden {
			b += fmt.Sprintf(" WHEN %d THEN %s", i+1, r.shown(c, x, y))
		}
		b += " ELSE " + y + " END"
	}
	return "coalesce(" + b + ", 'null')"
}

// whole is a row as a record shows it.
func (v sqliteValues) whole(columns []column, row string) string {
	if len(columns) == 0 {
		return "NULL"
	}
	r, rows := rowsOf(v, columns), make([]string, len(columns))
	for i, c := range columns {
		rows[i] = "(" + text(member(c.name)) + ", " + r.form(c) + ", " + row + dialect.Quote(dialect.SQLite, c.name) + ")"
	}
	return "(WITH c (name, kind, how, x) AS (VALUES\n      " + strings.Join(rows, ",\n      ") + "),\n" +
		"    v AS MATERIALIZED (SELECT name, how, x, " + v.canonical(r.kinds, "x") + " AS y FROM c)\n" +
		"    SELECT '{' || group_concat(name || ':' || " + r.show("how", "x", "y") + ") || '}' FROM v)"
}

// difference has what differs between two rows: the members of both images, the names and
// the changes, NULL where nothing does; and whether it was a soft delete or a restore.
func (v sqliteValues) difference(s *subject) string {
	soft := s.soft()
	named := func(all []column, c column) bool {
		return slices.ContainsFunc(all, func(other column) bool { return other.name == c.name })
	}
	deletes := func(c column) bool {
		return slices.ContainsFunc(soft, func(other softColumn) bool { return other.name == c.name })
	}
	all := slices.Clone(s.columns)
	for _, c := range soft {
		if !named(all, c.column) {
			all = append(all, c.column)
		}
	}
	r, rows := rowsOf(v, all), make([]string, len(all))
	for i, c := range all {
		name, path, x := "NULL", "NULL", dialect.Quote(dialect.SQLite, c.name)
		if i < len(s.columns) {
			name, path = text(member(c.name)), text(member(c.path))
		}
		rows[i] = fmt.Sprintf("(%d, %s, %s, %s, %t, %t, OLD.%s, NEW.%s)", i, name, path, r.form(c), i < len(s.columns) && !c.timestamp, deletes(c), x, x)
	}
	differs := "a.y IS NOT b.y"
	if i := slices.Index(r.kinds, values.JSON); i >= 0 {
		differs += fmt.Sprintf(" AND (a.kind <> %d OR %s IS NOT %s)", i, v.tree("a.y"), v.tree("b.y"))
	}
	action := "'update'"
	if len(soft) > 0 {
		action = "CASE WHEN max(gone) > 0 THEN 'soft_delete' WHEN min(gone) < 0 THEN 'restore' ELSE 'update' END"
	}
	alive := func(y string) string {
		conditions := []string{"0"}
		for _, c := range soft {
			i := slices.IndexFunc(all, func(other column) bool { return other.name == c.name })
			conditions = append(conditions, fmt.Sprintf("a.i = %d AND %s", i, c.alive(y, y, text)))
		}
		return "(" + strings.Join(conditions, " OR ") + ")"
	}
	return "(WITH c (i, name, path, kind, how, more, soft, x_o, x_n) AS (VALUES\n      " + strings.Join(rows, ",\n      ") + "),\n" +
		"    e AS MATERIALIZED (SELECT c.*, side, CASE side WHEN 0 THEN x_o ELSE x_n END AS x FROM c, (SELECT 0 AS side UNION ALL SELECT 1)\n" +
		"      WHERE x_o IS NOT x_n COLLATE BINARY),\n" +
		"    v AS MATERIALIZED (SELECT *, " + v.canonical(r.kinds, "x") + " AS y FROM e),\n" +
		"    s AS MATERIALIZED (SELECT a.name, a.path, a.more, a.soft * (" + alive("a.y") + " - " + alive("b.y") + ") AS gone,\n" +
		"      " + r.show("a.how", "a.x", "a.y") + " AS o, " + r.show("a.how", "b.x", "b.y") + " AS n FROM v AS a, v AS b\n" +
		"      WHERE a.side = 0 AND b.side = 1 AND a.i = b.i AND " + differs + ")\n" +
		"    SELECT group_concat(name || ':' || o) AS was, group_concat(name || ':' || n) AS now, group_concat(name) AS names,\n" +
		`      group_concat('{"path":' || path || ',"from":' || o || ',"to":' || n || '}') AS changes, max(more) AS more, ` + action + " AS action FROM s)"
}
