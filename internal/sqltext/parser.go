package sqltext

import "strings"

// parser reads the tokens of one statement. Positions outside of them are allowed
// everywhere and match nothing.
type parser struct {
	query    string
	d        dialect
	tokens   []token
	out      Statement
	embedded int // how many string literals the text is inside of
	depth    int // how many statements were entered
}

func (p *parser) kind(i int) tokenKind {
	if i < 0 || i >= len(p.tokens) {
		return tokenEnd
	}
	return p.tokens[i].kind
}

func (p *parser) text(i int) string {
	if i < 0 || i >= len(p.tokens) {
		return ""
	}
	return p.query[p.tokens[i].start:p.tokens[i].end]
}

// is tells whether token i is the keyword kw, given in upper case.
func (p *parser) is(i int, kw string) bool {
	return p.kind(i) == tokenWord && is(p.text(i), kw)
}

func (p *parser) isAny(i int, kws ...string) bool {
	for _, kw := range kws {
		if p.is(i, kw) {
			return true
		}
	}
	return false
}

func (p *parser) punct(i int, c byte) bool {
	return p.kind(i) == tokenPunct && p.query[p.tokens[i].start] == c
}

// pass returns the first position from i on that is none of the keywords.
func (p *parser) pass(i int, kws ...string) int {
	for p.isAny(i, kws...) {
		i++
	}
	return i
}

// find returns the first position from i on, outside of parentheses opened after
// i, that is one of the keywords; the number of tokens if there is none.
func (p *parser) find(i int, kws ...string) int {
	for ; i < len(p.tokens); i++ {
		if p.punct(i, '(') {
			i = p.match(i)
			continue
		}
		if p.isAny(i, kws...) {
			return i
		}
	}
	return len(p.tokens)
}

// match returns the position of the parenthesis that closes the one at i.
func (p *parser) match(i int) int {
	depth := 0
	for ; i < len(p.tokens); i++ {
		switch {
		case p.punct(i, '('):
			depth++
		case p.punct(i, ')'):
			if depth--; depth <= 0 {
				return i
			}
		}
	}
	return len(p.tokens)
}

// part tells whether token i can be part of a name.
func (p *parser) part(i int) bool {
	switch p.kind(i) {
	case tokenWord, tokenQuoted, tokenDouble:
		return true
	case tokenString:
		// SQLite takes 'name', MySQL takes "name" in ANSI_QUOTES mode.
		c := p.text(i)[0]
		return p.d.sqlite && c == '\'' || p.d.mysql && c == '"'
	case tokenNumber:
		// MySQL names may start with a digit.
		return p.d.mysql && strings.ContainsFunc(p.text(i), func(r rune) bool {
			return r > '9' || r == '$'
		})
	}
	return false
}

// name reads a table's name, qualified or not, and returns the position after it.
func (p *parser) name(i int) (t Table, next int, ok bool) {
	for p.part(i) {
		name, quoted := unquote(p.text(i))
		t.Quoted = quoted
		if p.kind(i) == tokenNumber {
			// A name that starts with a digit took its qualifier along.
			if first, rest, cut := strings.Cut(name, "."); cut {
				t.Name, name = first, rest
			}
		}
		t.Schema, t.Name = t.Name, name
		i++
		if !p.punct(i, '.') || !p.part(i+1) {
			return t, i, t.Name != ""
		}
		i++
	}
	return Table{}, i, false
}

// wrote notes the table named at i and returns the position after its name.
func (p *parser) wrote(i int) int {
	t, next, ok := p.name(i)
	if ok {
		p.add(t)
	}
	return next
}

func (p *parser) add(t Table) {
	for _, have := range p.out.Writes {
		if have == t {
			return
		}
	}
	p.out.Writes = append(p.out.Writes, t)
}

// savepoint notes the savepoint named at i.
func (p *parser) savepoint(i int) {
	if p.part(i) {
		p.out.Name, p.out.Quoted = unquote(p.text(i))
	}
}
