package sqltext

import "strings"

// is reports whether s equals the upper-case keyword kw, ignoring ASCII case.
func is(s, kw string) bool {
	if len(s) != len(kw) {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if c >= 'a' && c <= 'z' {
			c -= 'a' - 'A'
		}
		if c != kw[i] {
			return false
		}
	}
	return true
}

// unquote returns the name that the text of a token stands for, and whether it was
// quoted.
func unquote(text string) (name string, quoted bool) {
	if len(text) > 2 && text[0]|0x20 == 'u' && text[1] == '&' {
		return unescape(unquoteBy(text[2:])), true
	}
	if text == "" {
		return "", false
	}
	switch text[0] {
	case '"', '`', '\'':
		return unquoteBy(text), true
	case '[':
		return strings.TrimSuffix(text[1:], "]"), true
	}
	return text, false
}

func unquoteBy(text string) string {
	q := text[:1]
	inner := strings.TrimSuffix(text[1:], q)
	if strings.Contains(inner, q) {
		inner = strings.ReplaceAll(inner, q+q, q)
	}
	return inner
}

// unescape resolves the \XXXX and \+XXXXXX of a U&"…" name. What is no valid escape
// stays as it is.
func unescape(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' {
			b.WriteByte(s[i])
			continue
		}
		digits := s[i+1:]
		n := 4
		skip := 0
		if strings.HasPrefix(digits, "+") {
			digits, n, skip = digits[1:], 6, 1
		}
		if r, ok := hexRune(digits, n); ok {
			b.WriteRune(r)
			i += n + skip
			continue
		}
		b.WriteByte('\\')
		if i+1 < len(s) && s[i+1] == '\\' {
			i++
		}
	}
	return b.String()
}

func hexRune(s string, n int) (rune, bool) {
	if len(s) < n {
		return 0, false
	}
	var r rune
	for i := range n {
		c := s[i]
		switch {
		case isDigit(c):
			r = r<<4 | rune(c-'0')
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			r = r<<4 | rune(c|0x20-'a'+10)
		default:
			return 0, false
		}
	}
	return r, true
}

// contents returns the text inside a string literal, close enough to find SQL in.
func contents(literal string, backslash bool) string {
	if strings.HasPrefix(literal, "$") {
		tag := literal[:strings.IndexByte(literal[1:], '$')+2]
		return literal[len(tag) : len(literal)-len(tag)]
	}
	escaped := backslash
	if i := strings.IndexAny(literal, `'"`); i > 0 {
		escaped = escaped || literal[0]|0x20 == 'e'
		literal = literal[i:]
	}
	inner := unquoteBy(literal)
	if escaped && strings.Contains(inner, `\`) {
		inner = strings.NewReplacer(`\n`, "\n", `\t`, " ", `\r`, " ", `\`, "").Replace(inner)
	}
	return inner
}

// FirstWord is the first word of a query in upper case, behind comments and parentheses.
func FirstWord(dialectName, query string) string {
	l := lexer{s: query, d: dialectOf(dialectName)}
	for t := l.next(); t.kind != tokenEnd; t = l.next() {
		switch {
		case t.kind == tokenWord:
			return strings.ToUpper(query[t.start:t.end])
		case query[t.start:t.end] != "(":
			return ""
		}
	}
	return ""
}
