// Package sqltext reads SQL text that somebody else wrote, well enough to tell
// which tables it may write, which transaction commands it holds, and where its
// literals are. It is no SQL grammar: it accepts anything, and where a text can be
// read in two ways it prefers the reading that reports a write or hides a literal.
//
// Dialects go by GORM's names: "sqlite", "postgres", "mysql" (MariaDB included).
// Any other name is read as PostgreSQL. What a function, procedure, trigger, rule,
// view or prepared statement does can not be seen in the text that calls it.
package sqltext

import "strings"

// Kind is what a statement does.
type Kind uint8

// The kinds of statement.
const (
	// Other is everything not listed here: CALL, DO, SHOW, PRAGMA, USE, …
	Other Kind = iota
	// Select reads: SELECT, VALUES, TABLE, COPY … TO.
	Select
	// Insert adds rows: INSERT, REPLACE, COPY … FROM, LOAD DATA, SELECT … INTO.
	Insert
	// Update changes rows.
	Update
	// Delete removes rows.
	Delete
	// Merge is MERGE INTO.
	Merge
	// Truncate is TRUNCATE.
	Truncate
	// Savepoint is SAVEPOINT name.
	Savepoint
	// RollbackTo is ROLLBACK TO name.
	RollbackTo
	// Release is RELEASE name.
	Release
	// Begin is BEGIN or START TRANSACTION.
	Begin
	// Commit is COMMIT or END.
	Commit
	// Rollback is ROLLBACK or ABORT of the whole transaction.
	Rollback
	// TwoPhase is a command of a prepared transaction: PREPARE TRANSACTION,
	// COMMIT PREPARED, ROLLBACK PREPARED, XA.
	TwoPhase
	// DDL changes definitions or privileges: CREATE, ALTER, DROP, GRANT, …
	DDL
	// SetAutocommit is MySQL's SET autocommit for the session.
	SetAutocommit
	// SetTransaction is SET TRANSACTION and its relatives.
	SetTransaction
	// Lock is LOCK or UNLOCK of tables.
	Lock
	// Explain shows a plan without running the statement. EXPLAIN ANALYZE has the
	// kind of the statement that it runs.
	Explain
)

// Table names a table as the text does, without quotes. Letters keep their case.
type Table struct {
	// Schema is the schema, or on MySQL the database, "" when the text gives none.
	Schema string
	// Name is the table's own name.
	Name string
	// Quoted tells that Name was quoted, so that PostgreSQL does not fold it.
	Quoted bool
}

// Statement is what is known about one statement.
type Statement struct {
	// Kind is what the statement does. One that starts with WITH has the kind of
	// its main part, unless that reads while a CTE writes: then the CTE's.
	Kind Kind
	// Name is the savepoint's name, as written, without quotes.
	Name string
	// Quoted tells that Name was quoted, so that the database does not fold it.
	Quoted bool
	// Writes lists the tables that the statement may write, each once. For MySQL's
	// UPDATE of joined tables, all of them. Empty for DDL.
	Writes []Table
	// ImplicitCommit tells that MySQL commits the open transaction first.
	ImplicitCommit bool
}

// maxEmbedded bounds how deep statements inside string literals are followed.
const maxEmbedded = 2

// Parse returns the statements of query in order; empty ones are left out. It
// never fails: text that is not understood becomes a statement of kind [Other].
func Parse(dialect, query string) []Statement {
	return parse(dialectOf(dialect), query, 0)
}

func parse(d dialect, query string, embedded int) []Statement {
	tokens := scan(d, query)
	var out []Statement
	for len(tokens) > 0 {
		n := statementEnd(query, tokens)
		if n > 0 {
			p := parser{query: query, d: d, tokens: tokens[:n], embedded: embedded}
			out = append(out, p.parse())
		}
		tokens = tokens[min(n+1, len(tokens)):]
	}
	return out
}

func scan(d dialect, query string) []token {
	l := lexer{s: query, d: d}
	tokens := make([]token, 0, len(query)/5+1)
	for t := l.next(); t.kind != tokenEnd; t = l.next() {
		tokens = append(tokens, t)
	}
	return tokens
}

// statementEnd returns how many tokens the first statement has. A semicolon inside
// the body of a routine does not end it.
func statementEnd(query string, tokens []token) int {
	p := parser{query: query, tokens: tokens}
	body := p.opensBody()
	depth := 0
	for i, t := range tokens {
		switch {
		case t.kind == tokenPunct && query[t.start] == ';':
			if depth == 0 {
				return i
			}
		case !body || t.kind != tokenWord:
		case p.is(i, "BEGIN"), p.is(i, "CASE") && !p.is(i-1, "END"):
			depth++
		case p.is(i, "END") && !p.isAny(i+1, "IF", "LOOP", "WHILE", "REPEAT", "FOR"):
			depth = max(depth-1, 0)
		}
	}
	return len(tokens)
}

// opensBody tells whether the tokens start a statement that holds others between
// BEGIN and END.
func (p *parser) opensBody() bool {
	if p.is(0, "BEGIN") {
		return p.is(1, "NOT") && p.is(2, "ATOMIC")
	}
	if !p.is(0, "CREATE") {
		return false
	}
	// The words between CREATE and what is created: OR REPLACE, TEMP,
	// DEFINER = 'a'@'b', AGGREGATE.
	for i := 1; i < min(len(p.tokens), 12); i++ {
		if p.isAny(i, "TRIGGER", "PROCEDURE", "FUNCTION", "EVENT", "PACKAGE") {
			return true
		}
		if p.isAny(i, "TABLE", "VIEW", "INDEX") {
			return false
		}
	}
	return false
}

// First returns the kind of query's first statement. It does not allocate when the
// query plainly starts with SELECT, INSERT, UPDATE or DELETE; what follows is not
// looked at then: see [Single].
func First(dialect, query string) Kind {
	i := 0
	for i < len(query) && isSpace(query[i]) {
		i++
	}
	end := i
	for end < len(query) && isLetter(query[end]) {
		end++
	}
	if end == len(query) || !isIdent(query[end]) {
		switch word := query[i:end]; {
		case is(word, "SELECT"):
			return Select
		case is(word, "INSERT"):
			return Insert
		case is(word, "UPDATE"):
			return Update
		case is(word, "DELETE"):
			return Delete
		}
	}
	if all := Parse(dialect, query); len(all) > 0 {
		return all[0].Kind
	}
	return Other
}

// Single tells whether query plainly holds one statement at most: it has no
// semicolon, but for one at its very end. It is cheap, and false for a semicolon
// inside a literal too.
func Single(query string) bool {
	end := len(query)
	for end > 0 && isSpace(query[end-1]) {
		end--
	}
	i := strings.IndexByte(query[:end], ';')
	return i < 0 || i == end-1
}
