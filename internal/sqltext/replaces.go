package sqltext

// Replaces reports whether a CREATE TABLE of SQLite has a constraint that removes rows which
// are in the way of others: ON CONFLICT REPLACE behind anything but NOT NULL, whose default
// it puts in the place of NULL.
func Replaces(definition string) bool {
	l := lexer{s: definition, d: dialect{sqlite: true}}
	var last [3]string // before the word at hand
	for t := l.next(); t.kind != tokenEnd; t = l.next() {
		text := definition[t.start:t.end]
		if is(text, "REPLACE") && is(last[2], "CONFLICT") && is(last[1], "ON") && !is(last[0], "NULL") {
			return true
		}
		last = [3]string{last[1], last[2], text}
	}
	return false
}
