package classify

import (
	"strings"

	"pgregory.net/rapid"
)

// script draws one to three statements.
func script(t *rapid.T) string {
	n := rapid.IntRange(1, 3).Draw(t, "statements")
	var parts []string
	for range n {
		parts = append(parts, statement(t))
	}
	return space(t, true) + strings.Join(parts, space(t, true)+";"+space(t, true)) + space(t, true)
}

func pick(t *rapid.T, from ...string) string { return rapid.SampledFrom(from).Draw(t, "word") }

func chance(t *rapid.T) bool { return rapid.IntRange(0, 3).Draw(t, "chance") == 0 }

// space is what may stand between two words.
func space(t *rapid.T, none bool) string {
	from := []string{" ", "  ", "\n", "\t", "\f", "\r\n", " /* DELETE FROM u; */ ", " -- it's ;\n", "/**/", "/*'*/"}
	if none {
		from = append(from, "")
	}
	return rapid.SampledFrom(from).Draw(t, "space")
}

// word writes keywords in any case, with any space between them.
func word(t *rapid.T, words string) string {
	var b strings.Builder
	for i, w := range strings.Fields(words) {
		if i > 0 {
			b.WriteString(space(t, false))
		}
		switch rapid.IntRange(0, 2).Draw(t, "case") {
		case 0:
			w = strings.ToLower(w)
		case 1:
			w = w[:1] + strings.ToLower(w[1:])
		}
		b.WriteString(w)
	}
	return b.String()
}

// table names a table that there is.
func table(t *rapid.T) string {
	name := pick(t, "t", "T", "u", `"t"`, "[u]", "`t`", "'u'", `"select"`, "[select]", `"a b"`, "[a b]", `'a b'`)
	if chance(t) {
		name = pick(t, "main", `"main"`, "[MAIN]") + space(t, true) + "." + space(t, true) + name
	}
	return name
}

func value(t *rapid.T) string {
	return pick(t, "1", "NULL", "'x'", "'it''s; DELETE FROM u'", "x'00'", `"a"`, "?", "?2", ":p", "@p", "$p", "-1.5e3", "(SELECT 1)", "a", "abs(1)",
		"CASE WHEN a THEN 1 ELSE 2 END", "(WITH q AS (SELECT 1) SELECT * FROM q)", "replace('a', 'b', 'c')", "'/*'", "'--'", `"]"`, "1 IN (VALUES (1), (2))", "CAST(a AS text)")
}

func where(t *rapid.T) string {
	if chance(t) {
		return ""
	}
	return space(t, false) + word(t, "WHERE") + space(t, false) + pick(t, "a", "b") + space(t, true) + pick(t, "=", "<>", "IS", "LIKE") + space(t, false) + value(t)
}

func returning(t *rapid.T) string {
	if chance(t) {
		return space(t, false) + word(t, "RETURNING") + space(t, false) + pick(t, "*", "a", "a AS delete_from", `b "update"`)
	}
	return ""
}

func with(t *rapid.T) string {
	if !chance(t) {
		return ""
	}
	return word(t, "WITH") + space(t, false) + pick(t, "x", `"update"`, "[delete]", "x(a)", "RECURSIVE x(a)") + space(t, false) + word(t, "AS") + space(t, true) +
		pick(t, "", "MATERIALIZED", "NOT MATERIALIZED") + "(" + space(t, true) + pick(t, "SELECT 1", "VALUES (1)", "SELECT ')' FROM u", "WITH z AS (SELECT 1) SELECT * FROM z") + ")" + space(t, false)
}

func statement(t *rapid.T) string {
	switch rapid.IntRange(0, 4).Draw(t, "kind") {
	case 0:
		return with(t) + word(t, "SELECT") + space(t, false) + value(t) + " FROM" + space(t, false) + table(t)
	case 1:
		return with(t) + word(t, "DELETE FROM") + space(t, false) + table(t) + where(t) + returning(t)
	case 2:
		return with(t) + word(t, pick(t, "UPDATE", "UPDATE OR IGNORE", "UPDATE OR ROLLBACK", "UPDATE OR REPLACE")) + space(t, false) + table(t) + space(t, false) + word(t, "SET") + space(t, false) +
			pick(t, "a", `"b"`, "[c]") + space(t, true) + "=" + space(t, true) + value(t) + where(t) + returning(t)
	default:
		source := word(t, "DEFAULT VALUES")
		if !chance(t) {
			source = word(t, "VALUES") + space(t, true) + "(" + strings.Join([]string{constant(t), constant(t), constant(t)}, ",") + ")" + conflict(t)
		}
		return with(t) + word(t, pick(t, "INSERT INTO", "REPLACE INTO", "INSERT OR REPLACE INTO", "INSERT OR IGNORE INTO", "INSERT OR ABORT INTO")) +
			space(t, false) + table(t) + space(t, false) + source + returning(t)
	}
}

// constant is a value that names no column.
func constant(t *rapid.T) string {
	return pick(t, "1", "NULL", "'x'", "'it''s; UPDATE u'", "x'00'", "?", ":p", "(SELECT 1)", "replace('a', 'b', 'c')", "'--'")
}

func conflict(t *rapid.T) string {
	if !chance(t) {
		return ""
	}
	return space(t, false) + word(t, "ON CONFLICT DO NOTHING")
}
