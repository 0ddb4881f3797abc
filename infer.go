package auditplugin

import (
	"regexp"
	"slices"
	"strings"

	"gorm.io/gorm/clause"

	"github.com/gorm-audit/auditplugin/internal/catalog"
	"github.com/gorm-audit/auditplugin/internal/values"
)

// inferAfter makes the after images of the values that were sent, where MySQL is
// certain to have stored just those: that saves reading every row back. Anything
// that could make the rows other than that is a reason to read them.
func (j *job) inferAfter(names []string, before *held, out outcome) bool {
	if j.p.server.Dialect != "mysql" || j.p.cfg.portable || out.result == nil || before.len() == 0 || !j.predictable(names) {
		return false
	}
	sent, ok := j.literals(before)
	if !ok {
		return false
	}
	after := make(image, len(j.t.cols))
	apply := func(row int) (b image, differs bool) {
		b = before.image(row)
		copy(after, b)
		for i, v := range sent {
			after[i] = v
		}
		return b, !sameImage(b, after)
	}
	// The server counts the rows that it changed: they have to be these.
	differing := int64(0)
	for row := range before.len() {
		if _, differs := apply(row); differs {
			differing++
		}
	}
	if affected, err := out.result.RowsAffected(); err != nil || affected != differing {
		return false
	}
	for row := range before.len() {
		if b, differs := apply(row); differs {
			j.log.note(j.t, b, after)
		}
	}
	return true
}

// predictable reports whether the statement changes nothing but what it assigns, in
// the rows that were read.
func (j *job) predictable(names []string) bool {
	t, c := j.t, j.db.Statement.Clauses
	if len(t.key) == 0 || t.tbl.Triggered || t.tbl.Kind != catalog.Plain && t.tbl.Kind != catalog.Partitioned || !j.ref.simple || j.joins() {
		return false
	}
	if u, ok := c["UPDATE"].Expression.(clause.Update); ok && (u.Modifier != "" || u.Table.Name != "") {
		return false // IGNORE changes what does not fit
	}
	for _, name := range []string{"ORDER BY", "LIMIT"} {
		if _, ok := c[name]; ok {
			return false
		}
	}
	for _, k := range t.keyNames() {
		if slices.Contains(names, k) {
			return false
		}
	}
	for i := range t.cols {
		column, _ := t.tbl.Column(t.cols[i].Name)
		if column.Generated || column.OnUpdate && !slices.Contains(names, column.Name) {
			return false
		}
	}
	return !callsAnything(j.query)
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

// literals are the assigned values by column as they will be read back; not ok if
// one of them is an expression or may be stored as something else.
func (j *job) literals(before *held) (map[int]any, bool) {
	t := j.t
	sent := map[int]any{}
	for _, a := range j.assignments() {
		i, ok := t.index[columnName(a)]
		if !ok || isExpression(a.Value) || !values.Settled(a.Value) {
			return nil, false
		}
		column, _ := t.tbl.Column(t.cols[i].Name)
		stored := values.Stored{
			Type: column.DBType, Size: column.Size, NotNull: column.NotNull, UTF8: column.UTF8, TextJSON: j.p.server.MariaDB,
		}
		if !stored.Exact(a.Value, before.location) {
			return nil, false
		}
		sent[i] = t.rules[i].Normalise(a.Value)
	}
	return sent, true
}
