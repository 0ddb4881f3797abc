package sqltext

import "strings"

// Effect is what a statement may change in what names mean on its connection. The text
// tells that it may; whether it does, only the connection knows.
type Effect uint8

const (
	// Names is another role, search path or current database.
	Names Effect = 1 << iota
	// Lasts tells that it stays when the transaction is over.
	Lasts
	// ForeignKeys are switched on or off.
	ForeignKeys
	// Opaque is a statement whose effect its text does not tell: CALL, DO, EXECUTE, ATTACH.
	Opaque
)

// Effects returns what query may change. Settings of the application's own, of which
// each transaction may have some, change nothing: SET app.tenant, SET TIME ZONE, SET @user.
// Nor do definitions: Parse tells of those.
func Effects(dialect, query string) Effect {
	d := dialectOf(dialect)
	tokens := scan(d, query)
	var all Effect
	for len(tokens) > 0 {
		n := statementEnd(query, tokens)
		if n > 0 {
			p := parser{query: query, d: d, tokens: tokens[:n]}
			all |= p.effects()
		}
		tokens = tokens[min(n+1, len(tokens)):]
	}
	return all
}

func (p *parser) effects() Effect {
	all := p.configured()
	switch {
	case p.is(0, "SET"):
		return all | p.setting()
	case p.is(0, "RESET") && p.d.postgres:
		return all | p.reset()
	case p.is(0, "DISCARD"), p.is(0, "USE"):
		return all | Names | Lasts
	case p.is(0, "PRAGMA"):
		return all | p.pragma()
	case p.is(0, "CREATE") && !p.d.mysql && p.isAny(p.pass(1, "LOCAL", "GLOBAL"), "TEMP", "TEMPORARY"):
		return all | Names | Lasts // the name stands for the temporary table from now on
	case p.isAny(0, "CALL", "DO", "EXECUTE", "ATTACH", "DETACH"),
		p.is(0, "BEGIN") && p.is(1, "NOT"): // MariaDB's compound statement
		return all | Opaque
	}
	return all
}

// configured finds PostgreSQL's set_config.
func (p *parser) configured() (all Effect) {
	if !p.d.postgres {
		return 0
	}
	for i := range p.tokens {
		name, _ := unquote(p.text(i))
		if !p.part(i) || !strings.EqualFold(name, "set_config") || !p.punct(i+1, '(') {
			continue
		}
		if p.kind(i+2) == tokenString && p.punct(i+3, ',') && !meansNames(contents(p.text(i+2), p.d.backslash)) {
			continue
		}
		all |= Names
		if !p.is(p.match(i+1)-1, "TRUE") {
			all |= Lasts
		}
	}
	return all
}

// meansNames reports whether a setting of PostgreSQL's decides what a name stands for, or
// what may be seen of it.
func meansNames(setting string) bool {
	switch strings.ToLower(setting) {
	case "search_path", "role", "session_authorization", "row_security", "schema", "all":
		return true
	}
	return false
}

// setting reads what follows SET.
func (p *parser) setting() Effect {
	if p.d.mysql {
		return p.mysqlSetting()
	}
	lasts := Lasts
	i := 1
	if p.isAny(i, "SESSION", "LOCAL") && !p.is(i+1, "AUTHORIZATION") {
		if p.is(i, "LOCAL") {
			lasts = 0
		}
		i++
	}
	name, _ := unquote(p.text(i))
	if p.is(i, "SESSION") && p.is(i+1, "AUTHORIZATION") || p.part(i) && !p.punct(i+1, '.') && meansNames(name) {
		return Names | lasts
	}
	return 0
}

// mysqlSetting reads a list of settings. USE is what changes the database there.
func (p *parser) mysqlSetting() (all Effect) {
	if p.is(1, "ROLE") {
		return Names | Lasts
	}
	for i := 1; i < len(p.tokens); i++ {
		name, _ := unquote(p.text(i))
		own := p.punct(i-1, '@') && !p.punct(i-2, '@') // a variable of the user's
		if p.part(i) && !own && is(name, "FOREIGN_KEY_CHECKS") {
			all |= ForeignKeys
		}
	}
	return all
}

func (p *parser) reset() Effect {
	name, _ := unquote(p.text(1))
	if meansNames(name) || p.is(1, "SESSION") {
		return Names | Lasts
	}
	return 0
}

func (p *parser) pragma() Effect {
	i := 1
	if p.punct(i+1, '.') {
		i += 2
	}
	switch name, _ := unquote(p.text(i)); strings.ToLower(name) {
	case "foreign_keys":
		return ForeignKeys
	case "writable_schema":
		return Opaque
	}
	return 0
}
