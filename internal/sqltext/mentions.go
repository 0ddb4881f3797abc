package sqltext

import (
	"strings"
	"unicode/utf8"
)

// Mentions tells whether the identifier name, in any case, occurs in query outside
// of literals and comments. It is cheap when the text does not hold name at all,
// and errs on the side of true where the dialects read the text differently.
func Mentions(query, name string) bool {
	if name == "" || !contains(query, name) {
		return false
	}
	for _, d := range [...]dialect{{sqlite: true}, {mysql: true, backslash: true}, {postgres: true}} {
		if d.mentions(query, name) {
			return true
		}
	}
	return false
}

func (d dialect) mentions(query, name string) bool {
	l := lexer{s: query, d: d}
	for t := l.next(); t.kind != tokenEnd; t = l.next() {
		switch t.kind {
		case tokenWord, tokenQuoted, tokenDouble, tokenNumber:
			if got, _ := unquote(query[t.start:t.end]); strings.EqualFold(got, name) {
				return true
			}
		}
	}
	return false
}

// contains tells whether s may hold name in any case. Only ASCII letters are
// folded, so a name with others, or with quotes in it, is left to the lexer.
func contains(s, name string) bool {
	for i := range len(name) {
		if name[i] >= utf8.RuneSelf || !isIdent(name[i]) {
			return true
		}
	}
	lower, upper := name[0]|0x20, name[0]
	if isLetter(lower) {
		upper = lower - 0x20
	} else {
		lower = upper
	}
	for len(s) >= len(name) {
		i := indexEither(s, lower, upper)
		if i < 0 || i+len(name) > len(s) {
			return false
		}
		if strings.EqualFold(s[i:i+len(name)], name) {
			return true
		}
		s = s[i+1:]
	}
	return false
}

func indexEither(s string, a, b byte) int {
	for i := range len(s) {
		if s[i] == a || s[i] == b {
			return i
		}
	}
	return -1
}
