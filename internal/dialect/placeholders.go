package dialect

import (
	"strconv"
	"strings"
)

// Placeholders writes the question marks of query as the dialect wants them: $1, $2
// and so on in PostgreSQL. The query must have no question mark elsewhere.
func Placeholders(dialect, query string) string {
	facts := FactsOf(dialect)
	if !facts.NumbersMarks {
		return query
	}
	var b strings.Builder
	for i, part := range strings.Split(query, "?") {
		if i > 0 {
			b.WriteString(facts.Placeholder(i))
		}
		b.WriteString(part)
	}
	return b.String()
}

// Placeholder is that of the nth parameter, from 1.
func (f *Facts) Placeholder(n int) string {
	if f.NumbersMarks {
		return "$" + strconv.Itoa(n)
	}
	return "?"
}
