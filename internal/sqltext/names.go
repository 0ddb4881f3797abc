package sqltext

// names follows a query token by token and tells where SQLite can only mean a name
// by "…". Elsewhere it falls back to a string when no such column exists.
type names struct {
	d     dialect
	query string
	// name tells whether a "…" at the current token can only be a name.
	name bool

	depth int
	state nameState
	// list is the depth of the parentheses around an INSERT's columns.
	list int
	// prev is the token before the current one.
	prev token
	// distinct tells that prev follows DISTINCT: a FROM there compares values.
	distinct bool
}

type nameState uint8

const (
	anywhere nameState = iota
	afterInto
	inColumns
	afterSet
)

// next moves on to token t.
func (n *names) next(t token) {
	if !n.d.sqlite {
		return
	}
	prev := n.prev
	n.prev = t
	word := func(kw string) bool {
		return prev.kind == tokenWord && is(n.query[prev.start:prev.end], kw)
	}
	distinct := n.distinct
	n.distinct = word("DISTINCT")
	punct := func(t token, c byte) bool {
		return t.kind == tokenPunct && n.query[t.start] == c
	}
	n.name = punct(prev, '.') || word("INTO") || word("FROM") && !distinct || word("UPDATE") || word("JOIN") ||
		word("TABLE") || word("AS") || word("SAVEPOINT") || word("RELEASE") ||
		n.state == inColumns && n.depth == n.list ||
		n.state == afterSet && n.depth == 0 && (word("SET") || punct(prev, ','))
	switch {
	case punct(t, '('):
		n.depth++
		if n.state == afterInto {
			n.state, n.list = inColumns, n.depth
		}
	case punct(t, ')'):
		if n.state == inColumns && n.depth == n.list {
			n.state = anywhere
		}
		n.depth = max(n.depth-1, 0)
	case punct(t, ';'):
		n.depth, n.state = 0, anywhere
	case t.kind == tokenWord:
		n.keyword(n.query[t.start:t.end])
	}
}

func (n *names) keyword(s string) {
	switch {
	case is(s, "INTO"):
		n.state = afterInto
	case n.state == afterInto && (is(s, "VALUES") || is(s, "SELECT") || is(s, "WITH") || is(s, "DEFAULT")):
		n.state = anywhere
	case is(s, "SET") && n.depth == 0:
		n.state = afterSet
	case n.state == afterSet && n.depth == 0 && (is(s, "WHERE") || is(s, "FROM") ||
		is(s, "ORDER") || is(s, "LIMIT") || is(s, "RETURNING")):
		n.state = anywhere
	}
}
