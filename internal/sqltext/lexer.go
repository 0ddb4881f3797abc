package sqltext

import "strings"

// tokenKind is what a [token] is.
type tokenKind uint8

const (
	tokenEnd     tokenKind = iota
	tokenWord              // keyword or unquoted identifier
	tokenQuoted            // quoted identifier that can be nothing else
	tokenDouble            // "…" on SQLite: an identifier, or a string if no such column exists
	tokenString            // string or binary literal, prefix included
	tokenNumber            // numeric literal
	tokenParam             // placeholder
	tokenPunct             // one byte of punctuation or operator
	tokenUnended           // quoted text that runs to the end of the query
)

// token is a piece of the query: query[start:end].
type token struct {
	start, end int
	kind       tokenKind
	// space tells that whitespace or a comment came before.
	space bool
}

// dialect holds what the lexer has to know about a database.
type dialect struct {
	mysql, postgres, sqlite bool
	// backslash tells that \ escapes inside plain strings.
	backslash bool
}

// dialectOf accepts GORM's names. An unknown one is read by the rules of standard
// SQL, which PostgreSQL follows most closely.
func dialectOf(name string) dialect {
	switch name {
	case "mysql", "mariadb", "tidb":
		return dialect{mysql: true, backslash: true}
	case "sqlite", "sqlite3":
		return dialect{sqlite: true}
	default:
		return dialect{postgres: true}
	}
}

// lexer cuts a query into tokens. It accepts any input; the zero position is the
// query's start. It does not allocate.
type lexer struct {
	s   string
	pos int
	d   dialect
	// executable counts the open /*! comments, whose contents MySQL runs.
	executable int
}

func isSpace(c byte) bool { return c <= ' ' || c == 0x7f }
func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isIdent(c byte) bool {
	return c == '_' || c == '$' || c >= 0x80 || isDigit(c) || isLetter(c)
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

// at returns the byte n places after the position, or 0.
func (l *lexer) at(n int) byte {
	if l.pos+n < len(l.s) {
		return l.s[l.pos+n]
	}
	return 0
}

// next returns the next token; after the last one, tokens of kind tokenEnd.
func (l *lexer) next() token {
	t := token{space: l.skip(), start: l.pos}
	if l.pos >= len(l.s) {
		t.end = l.pos
		return t
	}
	switch c := l.s[l.pos]; {
	case c == '\'':
		t.kind = l.str(c, l.d.backslash)
	case c == '"':
		t.kind = l.double()
	case c == '`' && !l.d.postgres:
		t.kind = l.quoted(c, tokenQuoted)
	case c == '[' && l.d.sqlite:
		t.kind = l.bracket()
	case c == '?':
		l.pos++
		for l.d.sqlite && isDigit(l.at(0)) {
			l.pos++
		}
		t.kind = tokenParam
	case isDigit(c), c == '.' && isDigit(l.at(1)) && !l.afterName():
		l.number()
		t.kind = tokenNumber
	case c == '$' && !l.d.mysql:
		t.kind = l.dollar()
	case (c == ':' || c == '@') && l.d.sqlite && isIdent(l.at(1)):
		l.pos++
		l.ident()
		t.kind = tokenParam
	case isIdent(c):
		t.kind = l.word()
	default:
		l.pos++
		t.kind = tokenPunct
	}
	t.end = l.pos
	return t
}

// afterName tells whether the position follows a name directly, so that a dot
// there is a separator and no decimal point.
func (l *lexer) afterName() bool {
	if l.pos == 0 {
		return false
	}
	c := l.s[l.pos-1]
	return isIdent(c) || c == '`' || c == '"' || c == ']'
}

func (l *lexer) ident() {
	for l.pos < len(l.s) && isIdent(l.s[l.pos]) {
		l.pos++
	}
}

// number reads generously: whatever sticks to a digit belongs to the literal.
func (l *lexer) number() {
	start := l.pos
	for l.pos < len(l.s) {
		c := l.s[l.pos]
		sign := (c == '+' || c == '-') && l.pos > start && l.s[l.pos-1]|0x20 == 'e' &&
			isDigit(l.at(1)) && !isHex(l.s[start:l.pos])
		if !isIdent(c) && c != '.' && !sign {
			return
		}
		l.pos++
	}
}

func isHex(s string) bool {
	return len(s) > 1 && s[0] == '0' && s[1]|0x20 == 'x'
}

// word reads a keyword or identifier, or the literal that it is the prefix of.
func (l *lexer) word() tokenKind {
	start := l.pos
	l.ident()
	switch l.pos - start {
	case 1:
		c := l.s[start] | 0x20
		if l.at(0) == '\'' {
			switch {
			case c == 'x', !l.d.sqlite && (c == 'b' || c == 'n'):
				return l.str('\'', l.d.backslash)
			case l.d.postgres && c == 'e':
				return l.str('\'', true)
			}
		}
		if l.d.postgres && c == 'u' && l.at(0) == '&' && (l.at(1) == '\'' || l.at(1) == '"') {
			l.pos++
			if l.at(0) == '"' {
				return l.quoted('"', tokenQuoted)
			}
			return l.str('\'', false)
		}
	case 0:
		l.pos++
		return tokenPunct
	}
	return tokenWord
}

// double reads "…".
func (l *lexer) double() tokenKind {
	switch {
	case l.d.mysql:
		return l.str('"', l.d.backslash)
	case l.d.sqlite:
		return l.quoted('"', tokenDouble)
	default:
		return l.quoted('"', tokenQuoted)
	}
}

// quoted reads an identifier between two q, doubled to stand for itself.
func (l *lexer) quoted(q byte, kind tokenKind) tokenKind {
	l.pos++
	for {
		i := strings.IndexByte(l.s[l.pos:], q)
		if i < 0 {
			l.pos = len(l.s)
			return tokenUnended
		}
		l.pos += i + 1
		if l.at(0) != q {
			return kind
		}
		l.pos++
	}
}

func (l *lexer) bracket() tokenKind {
	i := strings.IndexByte(l.s[l.pos:], ']')
	if i < 0 {
		l.pos = len(l.s)
		return tokenUnended
	}
	l.pos += i + 1
	return tokenQuoted
}

// str reads a string literal whose opening q is at the position.
func (l *lexer) str(q byte, backslash bool) tokenKind {
	l.pos++
	for l.pos < len(l.s) {
		c := l.s[l.pos]
		l.pos++
		switch {
		case c == '\\' && backslash:
			l.pos = min(l.pos+1, len(l.s))
		case c == q && l.at(0) == q:
			l.pos++
		case c == q:
			if !l.continued() {
				return tokenString
			}
			l.pos++
		}
	}
	return tokenUnended
}

// continued moves to the quote that continues a string literal of PostgreSQL on a
// later line. It matters because the continuation keeps the escapes of its start.
func (l *lexer) continued() bool {
	if !l.d.postgres {
		return false
	}
	line := false
	for i := l.pos; i < len(l.s); i++ {
		switch c := l.s[i]; {
		case c == '\n' || c == '\r':
			line = true
		case isSpace(c):
		case c == '-' && i+1 < len(l.s) && l.s[i+1] == '-':
			for i+1 < len(l.s) && l.s[i+1] != '\n' && l.s[i+1] != '\r' {
				i++
			}
		case c == '\'' && line:
			l.pos = i
			return true
		default:
			return false
		}
	}
	return false
}

// dollar reads $1, SQLite's $name, or a dollar-quoted string.
func (l *lexer) dollar() tokenKind {
	if l.d.sqlite {
		l.pos++
		l.ident()
		return tokenParam
	}
	end := l.pos + 1
	if end < len(l.s) && isDigit(l.s[end]) {
		for end < len(l.s) && isDigit(l.s[end]) {
			end++
		}
		l.pos = end
		return tokenParam
	}
	for end < len(l.s) && isIdent(l.s[end]) && l.s[end] != '$' {
		end++
	}
	if end >= len(l.s) || l.s[end] != '$' {
		l.pos++
		return tokenPunct
	}
	tag := l.s[l.pos : end+1]
	i := strings.Index(l.s[end+1:], tag)
	if i < 0 {
		l.pos = len(l.s)
		return tokenUnended
	}
	l.pos = end + 1 + i + len(tag)
	return tokenString
}
