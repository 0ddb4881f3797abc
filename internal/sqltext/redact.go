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
	r := redactor{query: query}
	r.out.Grow(len(query))
	w := names{d: d, query: query}
	l := lexer{s: query, d: d}
	for t := l.next(); t.kind != tokenEnd; t = l.next() {
		for len(hidden) > 0 && hidden[0].end <= t.start {
			hidden = hidden[1:]
		}
		w.next(t)
		switch {
		case len(hidden) > 0 && hidden[0].start < t.end && (!isLiteral(t.kind) || hidden[0] != t):
			r.blur(t)
		case isLiteral(t.kind), t.kind == tokenDouble && !w.name:
			r.write(t, "?")
		default:
			r.write(t, query[t.start:t.end])
		}
	}
	return strings.ToValidUTF8(r.out.String(), "\uFFFD")
}

// redactor puts the result together.
type redactor struct {
	query string
	out   strings.Builder
	// dashed and blurred tell that the last token was a dash, or was hidden
	// because it may be part of a literal.
	dashed, blurred bool
}

func (r *redactor) write(t token, text string) {
	dash := text == "-"
	// Two dashes could start a comment once what came after them is gone.
	if r.out.Len() > 0 && (t.space || dash && r.dashed) {
		r.out.WriteByte(' ')
	}
	r.out.WriteString(text)
	r.dashed, r.blurred = dash, false
}

// blur writes one ? for a run of tokens.
func (r *redactor) blur(t token) {
	if !r.blurred {
		r.write(t, "?")
	}
	r.blurred = true
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
