package sqltext

// rows reads a statement that reads or writes rows.
func (p *parser) rows(i int, kw string) Kind {
	kind := Other
	switch kw {
	case "SELECT", "VALUES", "TABLE":
		kind = Select
		p.selectInto(i)
	case "INSERT", "REPLACE":
		kind = Insert
		p.insert(i + 1)
	case "UPDATE":
		kind = Update
		p.update(i + 1)
	case "DELETE":
		kind = Delete
		p.delete(i + 1)
	case "MERGE":
		kind = Merge
		p.wrote(p.pass(i+1, "INTO", "ONLY"))
	case "WITH":
		// CTEs stand in parentheses, so the next verb outside of them is the
		// main one.
		if at := p.find(i+1, verbs[:]...); at < len(p.tokens) {
			kind = p.statement(at)
		}
	}
	read := kind == Select && len(p.out.Writes) == 0
	if p.d.postgres {
		if inner := p.nested(i); read && inner != Other {
			return inner
		}
	}
	if kind == Select && !read {
		return Insert
	}
	return kind
}

// nested notes the writes of CTEs and returns the kind of the first.
func (p *parser) nested(i int) Kind {
	first := Other
	for ; i < len(p.tokens); i++ {
		if !p.punct(i, '(') {
			continue
		}
		before := len(p.out.Writes)
		if kind := p.write(i + 1); first == Other && len(p.out.Writes) > before {
			first = kind
		}
	}
	return first
}

// write notes what the INSERT, UPDATE, DELETE or MERGE at i writes. Anything else
// is left alone.
func (p *parser) write(i int) Kind {
	switch {
	case p.is(i, "INSERT"), p.is(i, "REPLACE") && !p.d.postgres:
		p.insert(i + 1)
		return Insert
	case p.is(i, "UPDATE"):
		p.update(i + 1)
		return Update
	case p.is(i, "DELETE"):
		p.delete(i + 1)
		return Delete
	case p.is(i, "MERGE"):
		p.wrote(p.pass(i+1, "INTO", "ONLY"))
		return Merge
	case p.is(i, "TRUNCATE") && !p.punct(i+1, '('):
		p.truncate(i + 1)
		return Truncate
	}
	return Other
}

func (p *parser) insert(i int) {
	if p.is(i, "OR") {
		i += 2
	}
	i = p.pass(i, "LOW_PRIORITY", "DELAYED", "HIGH_PRIORITY", "IGNORE")
	p.wrote(p.pass(i, "INTO"))
}

func (p *parser) update(i int) {
	if p.d.mysql {
		refs := p.references(p.pass(i, "LOW_PRIORITY", "IGNORE"))
		for _, r := range refs {
			p.add(r.table)
		}
		return
	}
	if p.is(i, "OR") {
		i += 2
	}
	p.wrote(p.only(i))
}

// only passes over ONLY and the parenthesis that may follow it.
func (p *parser) only(i int) int {
	if next := p.optional(i, "ONLY"); next > i {
		return next
	}
	if p.is(i, "ONLY") && p.punct(i+1, '(') {
		return i + 2
	}
	return i
}

func (p *parser) delete(i int) {
	if p.d.mysql {
		p.deleteJoined(p.pass(i, "LOW_PRIORITY", "QUICK", "IGNORE", "HISTORY"))
		return
	}
	p.wrote(p.only(p.pass(i, "FROM")))
}

// deleteJoined reads MySQL's three forms: DELETE FROM t, DELETE a, b FROM t AS a
// JOIN …, and DELETE FROM a, b USING t AS a JOIN ….
func (p *parser) deleteJoined(i int) {
	fromFirst := p.is(i, "FROM")
	var targets []Table
	for i = p.pass(i, "FROM"); ; i++ {
		t, next, ok := p.name(i)
		if !ok {
			break
		}
		targets = append(targets, t)
		if p.punct(next, '.') && p.punct(next+1, '*') {
			next += 2
		}
		if i = next; !p.punct(i, ',') {
			break
		}
	}
	var refs []reference
	if fromFirst && p.is(i, "USING") || !fromFirst && p.is(i, "FROM") {
		refs = p.references(i + 1)
	}
	for _, t := range targets {
		p.add(resolve(refs, t))
	}
}

func (p *parser) truncate(i int) {
	i = p.optional(i, "TABLE")
	for {
		i = p.wrote(p.only(i))
		for p.punct(i, '*') || p.punct(i, ')') {
			i++
		}
		if !p.punct(i, ',') {
			return
		}
		i++
	}
}

// selectInto notes the table that PostgreSQL's SELECT … INTO creates.
func (p *parser) selectInto(i int) {
	if !p.d.postgres {
		return
	}
	if at := p.find(i, "INTO"); at < len(p.tokens) {
		p.wrote(p.pass(at+1, "GLOBAL", "LOCAL", "TEMPORARY", "TEMP", "UNLOGGED", "TABLE"))
	}
}

func (p *parser) copy(i int) Kind {
	if p.punct(i, '(') {
		if kind := p.nested(i); kind != Other {
			return kind
		}
		return Select
	}
	i = p.pass(i, "BINARY")
	_, next, _ := p.name(i)
	if p.punct(next, '(') {
		next = p.match(next) + 1
	}
	if p.is(next, "FROM") {
		p.wrote(i)
		return Insert
	}
	return Select
}

func (p *parser) load(i int) Kind {
	at := p.find(i, "INTO")
	if p.isAny(i, "DATA", "XML") && p.is(at+1, "TABLE") {
		p.wrote(at + 2)
		return Insert
	}
	return Other
}

// body notes the writes of a compound statement: a verb counts where a statement
// can start.
func (p *parser) body(i int) {
	for start := i; i < len(p.tokens); i++ {
		if i == start || p.punct(i-1, ';') || p.punct(i-1, '(') || p.punct(i-1, ')') || p.punct(i-1, '>') ||
			p.isAny(i-1, "BEGIN", "THEN", "ELSE", "LOOP", "DO", "AS", "IN", "QUERY", "REPEAT", "ATOMIC") {
			p.write(i)
		}
	}
}

// strings notes the writes of the SQL inside string literals: DO $$ … $$,
// EXECUTE IMMEDIATE '…', PREPARE s FROM '…'.
func (p *parser) strings(i int) {
	if p.embedded >= maxEmbedded {
		return
	}
	for ; i < len(p.tokens); i++ {
		if p.kind(i) != tokenString {
			continue
		}
		text := contents(p.text(i), p.d.backslash)
		inner := parser{query: text, d: p.d, tokens: scan(p.d, text), embedded: p.embedded + 1}
		inner.body(0)
		for at := range inner.tokens {
			if inner.is(at, "EXECUTE") {
				inner.strings(at + 1)
				break
			}
		}
		for _, t := range inner.out.Writes {
			p.add(t)
		}
	}
}
