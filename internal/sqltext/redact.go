package sqltext

import "strings"

// Redact returns query with each literal replaced by ?, comments removed and
// whitespace folded, so that no value in it can be read. Placeholders, TRUE, FALSE
// and NULL stay. Quoted text that does not end takes the rest of the query along.
//
// Where the text does not tell a literal from a name, it is treated as a literal:
// "…" on MySQL, and on SQLite wherever a value may stand. Backslashes in strings
// are read both ways, as the server's settings decide what they mean.
func Redact(dialect, query string) string {
	d := dialectOf(dialect)
	var hidden []token
	if !d.sqlite && strings.Contains(query, `\`) {
		other := d
		other.backslash = !d.backslash
		hidden = literals(other, query)
	}
	var b strings.Builder
	b.Grow(len(query))
	w := names{d: d, query: query}
	l := lexer{s: query, d: d}
	for t := l.next(); t.kind != tokenEnd; t = l.next() {
		if t.space && b.Len() > 0 {
			b.WriteByte(' ')
		}
		hide := isLiteral(t.kind)
		for len(hidden) > 0 && hidden[0].end <= t.start {
			hidden = hidden[1:]
		}
		if len(hidden) > 0 && hidden[0].start < t.end {
			hide = true
		}
		if w.next(t); t.kind == tokenDouble && !w.name {
			hide = true
		}
		if hide {
			b.WriteByte('?')
		} else {
			b.WriteString(query[t.start:t.end])
		}
	}
	return strings.ToValidUTF8(b.String(), "\uFFFD")
}

func isLiteral(k tokenKind) bool {
	return k == tokenString || k == tokenNumber || k == tokenUnended
}

// literals returns the tokens of query that hold values.
func literals(d dialect, query string) []token {
	l := lexer{s: query, d: d}
	var out []token
	for t := l.next(); t.kind != tokenEnd; t = l.next() {
		if isLiteral(t.kind) {
			out = append(out, t)
		}
	}
	return out
}
