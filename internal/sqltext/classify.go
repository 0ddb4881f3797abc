package sqltext

import "strings"

// verbs start a statement that reads or writes rows.
var verbs = [...]string{"SELECT", "INSERT", "UPDATE", "DELETE", "REPLACE", "MERGE", "VALUES", "TABLE", "WITH"}

// maxDepth bounds how many statements inside one another are followed, as in
// EXPLAIN ANALYZE WITH … DELETE.
const maxDepth = 8

func (p *parser) parse() Statement {
	p.out.Kind = p.statement(0)
	if p.d.mysql {
		p.out.ImplicitCommit = p.commits()
	}
	return p.out
}

// statement reads the statement that starts at i, notes what it writes, and
// returns its kind.
func (p *parser) statement(i int) Kind {
	for p.punct(i, '(') {
		i++
	}
	if p.depth++; p.kind(i) != tokenWord || p.depth > maxDepth {
		return Other
	}
	switch kw := strings.ToUpper(p.text(i)); kw {
	case "SELECT", "VALUES", "TABLE", "WITH", "INSERT", "REPLACE", "UPDATE", "DELETE", "MERGE":
		return p.rows(i, kw)
	case "TRUNCATE":
		p.truncate(i + 1)
		return Truncate
	case "COPY":
		return p.copy(i + 1)
	case "LOAD":
		return p.load(i + 1)
	case "EXPLAIN", "DESCRIBE", "DESC", "ANALYZE":
		return p.explain(i)
	case "PREPARE":
		return p.prepare(i + 1)
	case "EXECUTE", "DO":
		p.strings(i + 1)
		return Other
	case "SET":
		return p.set(i + 1)
	case "LOCK", "UNLOCK":
		return Lock
	case "CREATE", "ALTER", "DROP", "RENAME", "COMMENT", "GRANT", "REVOKE", "REINDEX",
		"REFRESH", "SECURITY", "IMPORT":
		return DDL
	case "SAVEPOINT":
		p.savepoint(i + 1)
		return Savepoint
	case "RELEASE":
		p.savepoint(p.optional(i+1, "SAVEPOINT"))
		return Release
	default:
		return p.transaction(i, kw)
	}
}

// optional passes over kw, unless it is the last word and so a name itself.
func (p *parser) optional(i int, kw string) int {
	if p.is(i, kw) && p.part(i+1) {
		return i + 1
	}
	return i
}

func (p *parser) transaction(i int, kw string) Kind {
	switch kw {
	case "BEGIN":
		if p.is(i+1, "NOT") && p.is(i+2, "ATOMIC") {
			p.body(i + 3)
			return Other
		}
		return Begin
	case "START":
		if p.is(i+1, "TRANSACTION") {
			return Begin
		}
	case "COMMIT", "END":
		if p.is(i+1, "PREPARED") {
			return TwoPhase
		}
		return Commit
	case "ROLLBACK", "ABORT":
		i = p.pass(i+1, "WORK", "TRANSACTION")
		switch {
		case p.is(i, "PREPARED"):
			return TwoPhase
		case p.is(i, "TO"):
			p.savepoint(p.optional(i+1, "SAVEPOINT"))
			return RollbackTo
		}
		return Rollback
	case "XA":
		return TwoPhase
	}
	return Other
}

// explain reads EXPLAIN and MariaDB's ANALYZE, which run what they explain only
// when asked to.
func (p *parser) explain(i int) Kind {
	runs := p.is(i, "ANALYZE")
	if runs && !p.d.mysql {
		return Other
	}
	if runs && p.isAny(i+1, "TABLE", "LOCAL", "NO_WRITE_TO_BINLOG") {
		return Other
	}
	i++
	if p.punct(i, '(') && !p.isAny(i+1, verbs[:]...) {
		end := p.match(i)
		for ; i < end; i++ {
			if p.isAny(i, "ANALYZE", "ANALYSE") && !p.off(p.afterEquals(i+1)) {
				runs = true
			}
		}
		i = end + 1
	}
	for ; i < len(p.tokens) && !p.isAny(i, verbs[:]...) && !p.punct(i, '('); i++ {
		if p.isAny(i, "ANALYZE", "ANALYSE") {
			runs = true
		}
	}
	if !runs || i >= len(p.tokens) {
		return Explain
	}
	return p.statement(i)
}

func (p *parser) afterEquals(i int) int {
	for p.punct(i, ':') || p.punct(i, '=') {
		i++
	}
	return i
}

// off tells whether token i spells a false setting.
func (p *parser) off(i int) bool {
	switch p.kind(i) {
	case tokenWord, tokenNumber, tokenString:
		switch s, _ := unquote(p.text(i)); strings.ToLower(s) {
		case "0", "off", "false":
			return true
		}
	}
	return false
}

func (p *parser) prepare(i int) Kind {
	if p.is(i, "TRANSACTION") {
		return TwoPhase
	}
	if as := p.find(i, "AS"); as < len(p.tokens) {
		return p.statement(as + 1)
	}
	p.strings(i)
	return Other
}

func (p *parser) set(i int) Kind {
	if p.d.mysql && p.is(i, "STATEMENT") {
		if at := p.find(i, "FOR"); at < len(p.tokens) {
			return p.statement(at + 1)
		}
	}
	if at := p.pass(i, "SESSION", "LOCAL", "GLOBAL"); p.isAny(at, "TRANSACTION", "CHARACTERISTICS") {
		return SetTransaction
	}
	if p.d.mysql && p.autocommit(i) < len(p.tokens) {
		return SetAutocommit
	}
	return Other
}

// autocommit returns the position of the value that the session's autocommit is
// set to; the number of tokens if it is not set.
func (p *parser) autocommit(i int) int {
	for ; i < len(p.tokens); i++ {
		name, _ := unquote(p.text(i))
		if !p.part(i) || !is(name, "AUTOCOMMIT") {
			continue
		}
		user := p.punct(i-1, '@') && !p.punct(i-2, '@')
		global := p.is(i-1, "GLOBAL") || p.punct(i-1, '.') && p.is(i-2, "GLOBAL")
		if !user && !global && (p.punct(i+1, '=') || p.punct(i+1, ':')) {
			return p.afterEquals(i + 1)
		}
	}
	return len(p.tokens)
}

// commits tells whether MySQL commits before it runs the statement. Where that
// depends on the server's version or state, the answer is yes.
func (p *parser) commits() bool {
	switch p.out.Kind {
	case DDL:
		temporary := p.isAny(0, "CREATE", "DROP") && (p.is(1, "TEMPORARY") ||
			p.is(1, "OR") && p.is(2, "REPLACE") && p.is(3, "TEMPORARY"))
		return !temporary
	case Truncate, Lock, Begin:
		return true
	case SetAutocommit:
		return !p.off(p.autocommit(1))
	case Other:
		switch {
		case p.is(0, "SET"):
			return p.is(1, "PASSWORD")
		case p.is(0, "LOAD"):
			return p.is(1, "INDEX")
		}
		return p.isAny(0, "ANALYZE", "CACHE", "CHANGE", "CHECK", "FLUSH", "INSTALL", "OPTIMIZE",
			"REPAIR", "RESET", "START", "STOP", "UNINSTALL")
	}
	return false
}
