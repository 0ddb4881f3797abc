package auditplugin

import (
	"context"
	"database/sql"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"gorm.io/gorm"
)

const (
	// worthPreparing is how often a statement of ours must be wanted first.
	worthPreparing = 3
	// maxWanted bounds how many texts are counted at a time.
	maxWanted = 512
	// maxSQLitePrepared is how long a statement is that SQLite keeps: long ones, which
	// are the INSERTs into the audit table, take so much of the small memory that a
	// connection has for parsing that reads become a fifth slower.
	maxSQLitePrepared = 400
	// idleStatement is how long an unused statement keeps its place when there is
	// no room for another.
	idleStatement = time.Minute
)

// statements keeps statements of ours prepared, for drivers that would otherwise
// prepare each anew: SQLite parses it, MySQL takes a round trip. PostgreSQL's
// driver does this itself. Those of the application are its own affair.
//
// They are prepared before a transaction begins and never inside one, because that
// takes a connection from the pool, which may have no second one to give.
type statements struct {
	db      *sql.DB
	dialect string
	max     int

	mu     sync.RWMutex
	ready  map[string]*prepared
	wanted map[string]int
	due    []string
	closed bool
	hasDue atomic.Bool
}

type prepared struct {
	stmt *sql.Stmt
	used atomic.Int64 // Unix seconds
}

// newStatements returns nil where nothing is to be gained.
func newStatements(db *gorm.DB, cp gorm.ConnPool) *statements {
	inner, ok := cp.(*sql.DB)
	if !ok {
		return nil
	}
	s := &statements{db: inner, dialect: db.Name(), wanted: map[string]int{}, ready: map[string]*prepared{}}
	switch s.dialect {
	case "sqlite":
		s.max = 64
	case "mysql":
		// The server allows 16,382 over all connections.
		s.max = 16
		if interpolates(db.Dialector) {
			return nil
		}
	default:
		return nil
	}
	return s
}

// interpolates reports whether the MySQL driver was told to put arguments into the
// text, which saves the round trip in another way. The driver is not ours to import.
func interpolates(d gorm.Dialector) bool {
	v := reflect.Indirect(reflect.ValueOf(d))
	if v.Kind() != reflect.Struct {
		return false
	}
	field := func(v reflect.Value, name string) (found reflect.Value) {
		defer func() { _ = recover() }() // a nil embedded pointer on the way
		return v.FieldByName(name)
	}
	if f := field(v, "DSN"); f.IsValid() && f.Kind() == reflect.String && strings.Contains(f.String(), "interpolateParams=true") {
		return true
	}
	c := reflect.Indirect(field(v, "DSNConfig"))
	if c.Kind() != reflect.Struct {
		return false
	}
	f := field(c, "InterpolateParams")
	return f.IsValid() && f.Kind() == reflect.Bool && f.Bool()
}

// get returns the prepared statement, or nil, and counts how often it is wanted.
func (s *statements) get(query string, args int) *sql.Stmt {
	s.mu.RLock()
	p := s.ready[query]
	s.mu.RUnlock()
	if p != nil {
		p.used.Store(time.Now().Unix())
		return p.stmt
	}
	if s.dialect == "mysql" && args == 0 {
		return nil // one round trip as it is
	}
	if len(query) < 6 || s.dialect == "sqlite" && len(query) > maxSQLitePrepared {
		return nil
	}
	switch query[:6] {
	case "SELECT", "INSERT", "DELETE":
	default:
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.wanted) >= maxWanted {
		clear(s.wanted)
	}
	s.wanted[query]++
	if s.wanted[query] == worthPreparing {
		s.due = append(s.due, query)
		s.hasDue.Store(true)
	}
	return nil
}

// prepare prepares what is due. Its errors are nobody's: the statement is then run
// as it was.
func (s *statements) prepare(ctx context.Context) {
	if s == nil || !s.hasDue.Load() {
		return
	}
	s.mu.Lock()
	due := s.due
	s.due = nil
	s.hasDue.Store(false)
	s.mu.Unlock()
	for _, query := range due {
		if ctx.Err() != nil || !s.room() {
			return
		}
		stmt, err := s.db.PrepareContext(ctx, query)
		if err != nil {
			continue
		}
		s.keep(query, stmt)
	}
}

func (s *statements) keep(query string, stmt *sql.Stmt) {
	p := &prepared{stmt: stmt}
	p.used.Store(time.Now().Unix())
	s.mu.Lock()
	kept := !s.closed && len(s.ready) < s.max && s.ready[query] == nil
	if kept {
		s.ready[query] = p
	}
	s.mu.Unlock()
	if !kept {
		closeAll([]*prepared{p})
	}
}

// room makes sure that there is a place for one more statement.
func (s *statements) room() bool {
	old := time.Now().Add(-idleStatement).Unix()
	s.mu.Lock()
	var gone []*prepared
	for query, p := range s.ready {
		if len(s.ready) >= s.max && p.used.Load() < old {
			delete(s.ready, query)
			gone = append(gone, p)
		}
	}
	free := !s.closed && len(s.ready) < s.max
	s.mu.Unlock()
	closeAll(gone)
	return free
}

// close closes all statements.
func (s *statements) close() {
	s.mu.Lock()
	s.closed = true
	gone := slices.Collect(maps.Values(s.ready))
	clear(s.ready)
	s.mu.Unlock()
	closeAll(gone)
}

// closeAll closes statements; whoever is using one right now may finish. It waits for
// connections that are at work, perhaps for a lock that another writer holds: nothing
// that a writer needs may be held meanwhile.
func closeAll(gone []*prepared) {
	for _, p := range gone {
		_ = p.stmt.Close() // an error would be the connection's
	}
}

// ownConn is a transaction as our own statements use it: prepared where they are.
type ownConn struct {
	gorm.Tx
	tx    *sql.Tx
	stmts *statements
	state *state
	// last is the statement that SQLite ran last, and again what it is prepared as
	// until the transaction ends: the INSERTs of many records are the same.
	last  string
	again *sql.Stmt
}

// repeated prepares a statement for the rest of the transaction when it comes twice
// in a row. Only INSERTs into the audit table are so long, and those are written while
// the state's mu is held.
func (c *ownConn) repeated(ctx context.Context, query string) *sql.Stmt {
	if c.stmts.dialect != "sqlite" || len(query) <= maxSQLitePrepared {
		return nil
	}
	if query != c.last {
		c.last, c.again = query, nil
		return nil
	}
	if c.again == nil {
		stmt, err := c.tx.PrepareContext(ctx, query)
		if err != nil {
			return nil
		}
		c.again = stmt
	}
	return c.again
}

// stmt returns the prepared statement for this connection, or nil. Names that may
// mean something else here than they did elsewhere are not for it.
func (c *ownConn) stmt(ctx context.Context, query string, args int) *sql.Stmt {
	if c.state.uncertain() {
		return nil
	}
	stmt := c.stmts.get(query, args)
	if stmt == nil {
		return nil
	}
	return c.tx.StmtContext(ctx, stmt)
}

func (c *ownConn) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	//nolint:sqlclosecheck // the transaction closes it
	if stmt := c.repeated(ctx, query); stmt != nil {
		return stmt.ExecContext(ctx, args...)
	}
	//nolint:sqlclosecheck // the transaction closes it
	if stmt := c.stmt(ctx, query, len(args)); stmt != nil {
		res, err := stmt.ExecContext(ctx, args...)
		if mysqlErrorNumber(err) != mysqlTooManyPrepared {
			return res, err
		}
	}
	return c.Tx.ExecContext(ctx, query, args...)
}

func (c *ownConn) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	//nolint:sqlclosecheck // the transaction closes it
	if stmt := c.stmt(ctx, query, len(args)); stmt != nil {
		rows, err := stmt.QueryContext(ctx, args...)
		if mysqlErrorNumber(err) != mysqlTooManyPrepared {
			return rows, err
		}
	}
	return c.Tx.QueryContext(ctx, query, args...)
}
