package sqltext

import "strings"

// bom is a byte order mark, which SQLite passes over wherever a token can start.
const bom = "\ufeff"

// skip passes over whitespace and comments and reports whether there were any.
func (l *lexer) skip() bool {
	start := l.pos
	for l.pos < len(l.s) {
		c := l.s[l.pos]
		switch {
		case isSpace(c):
			l.pos++
		case c == bom[0] && l.d.sqlite && strings.HasPrefix(l.s[l.pos:], bom):
			l.pos += len(bom)
		case c == '-' && l.at(1) == '-' && l.dashes():
			l.line()
		case c == '#' && l.d.mysql:
			l.line()
		case c == '/' && l.at(1) == '*':
			l.block()
		case c == '*' && l.at(1) == '/' && l.executable > 0:
			l.executable--
			l.pos += 2
		default:
			return l.pos > start
		}
	}
	return l.pos > start
}

// dashes tells whether -- starts a comment here: MySQL wants a space after it.
func (l *lexer) dashes() bool {
	return !l.d.mysql || l.pos+2 >= len(l.s) || isSpace(l.s[l.pos+2])
}

func (l *lexer) line() {
	for l.pos < len(l.s) && l.s[l.pos] != '\n' && (l.s[l.pos] != '\r' || !l.d.postgres) {
		l.pos++
	}
}

// block passes over a /* comment, or only its opening when MySQL would run what is
// inside: /*! … */, /*!50001 … */, and MariaDB's /*M! … */.
func (l *lexer) block() {
	if l.d.mysql {
		mark := 2
		if l.at(2) == 'M' {
			mark = 3
		}
		if l.at(mark) == '!' {
			l.pos += mark + 1
			for n := 0; n < 6 && isDigit(l.at(0)); n++ {
				l.pos++
			}
			l.executable++
			return
		}
	}
	l.pos += 2
	if !l.d.postgres {
		if i := strings.Index(l.s[l.pos:], "*/"); i >= 0 {
			l.pos += i + 2
			return
		}
		l.pos = len(l.s)
		return
	}
	for depth := 1; depth > 0; {
		i := strings.IndexByte(l.s[l.pos:], '*')
		if i < 0 {
			l.pos = len(l.s)
			return
		}
		star := l.pos + i
		switch {
		case i > 0 && l.s[star-1] == '/':
			depth++
			l.pos = star + 1
		case star+1 < len(l.s) && l.s[star+1] == '/':
			depth--
			l.pos = star + 2
		default:
			l.pos = star + 1
		}
	}
}
