package sqltext

import "strings"

// reference is a table in a FROM list or UPDATE, with its alias.
type reference struct {
	table Table
	alias string
}

// references reads MySQL's list of joined tables from i on, up to the clause that
// follows it. Subqueries and join conditions are passed over.
func (p *parser) references(i int) []reference {
	var refs []reference
	expect := true
	for i < len(p.tokens) {
		switch {
		case p.punct(i, ';'), p.isAny(i, "SET", "WHERE", "ORDER", "LIMIT", "RETURNING"):
			return refs
		case p.punct(i, ','), p.isAny(i, "JOIN", "STRAIGHT_JOIN"):
			expect = true
			i++
		case p.punct(i, '('):
			// Parentheses around tables are looked into, all others are not.
			if !expect || p.isAny(i+1, "SELECT", "WITH", "VALUES", "TABLE") {
				i = p.match(i)
				expect = false
			}
			i++
		case expect && p.part(i) && !p.is(i, "LATERAL"):
			var r reference
			r.table, i, _ = p.name(i)
			r.alias, i = p.alias(i)
			refs = append(refs, r)
			expect = false
		default:
			i++
		}
	}
	return refs
}

// alias reads the alias at i, if there is one.
func (p *parser) alias(i int) (string, int) {
	switch {
	case p.is(i, "PARTITION") && p.punct(i+1, '('):
		return p.alias(p.match(i+1) + 1)
	case p.is(i, "AS"):
		i++
	case p.isAny(i, "SET", "WHERE", "ORDER", "LIMIT", "RETURNING", "JOIN", "STRAIGHT_JOIN", "INNER", "CROSS",
		"LEFT", "RIGHT", "OUTER", "NATURAL", "ON", "USING", "USE", "FORCE", "IGNORE", "FOR"):
		return "", i
	}
	if !p.part(i) {
		return "", i
	}
	name, _ := unquote(p.text(i))
	return name, i + 1
}

// resolve returns the table that target, perhaps an alias, stands for.
func resolve(refs []reference, target Table) Table {
	for _, r := range refs {
		if target.Schema == "" && r.alias != "" && strings.EqualFold(r.alias, target.Name) {
			return r.table
		}
	}
	for _, r := range refs {
		if strings.EqualFold(r.table.Name, target.Name) &&
			(target.Schema == "" || strings.EqualFold(r.table.Schema, target.Schema)) {
			return r.table
		}
	}
	return target
}
