package auditplugin

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"reflect"
	"strings"
	"sync"

	"gorm.io/gorm"
)

const (
	// worthPreparing is how often a statement of ours must be wanted first.
	worthPreparing = 3
	// maxWanted bounds how many texts are counted at a time.
	maxWanted = 64
	// maxPrepared bounds how many statements a connection keeps prepared: the server
	// allows 16,382 over all connections.
	maxPrepared = 32
	// maxRepeated is how long a statement is at most that is prepared for a
	// transaction, in bytes.
	maxRepeated = 16 << 10
	// spareSessions is how many connections are remembered beyond those that are open.
	spareSessions = 8
)

// sessions keeps statements of ours prepared on MySQL's connections, whose driver
// would prepare each anew, which is a round trip. On PostgreSQL the driver does this
// itself. On SQLite statements are prepared for one transaction at most: a prepared
// statement keeps a closed database open.
type sessions struct {
	db *sql.DB

	mu    sync.Mutex
	known map[driver.Conn]*session
	clock uint64
}

// session is one connection. It is used only while that connection is locked.
type session struct {
	ready  map[string]*lastingStmt
	wanted map[string]int
	clock  uint64
	used   uint64 // by the clock of sessions, whose mu guards it
}

// lastingStmt is a prepared statement and when it was last wanted.
type lastingStmt struct {
	driver.Stmt
	used uint64
}

// makeRoom closes the statement that was not wanted for longest, if there is no room
// for another.
func (s *session) makeRoom() {
	if len(s.ready) < maxPrepared {
		return
	}
	var oldest string
	least := s.clock
	for query, stmt := range s.ready {
		if stmt.used < least {
			oldest, least = query, stmt.used
		}
	}
	if stmt := s.ready[oldest]; stmt != nil {
		_ = stmt.Close() // an error would be the connection's, and met again
		delete(s.ready, oldest)
	}
}

func newSessions(db *gorm.DB, cp gorm.ConnPool) *sessions {
	inner, ok := cp.(*sql.DB)
	if !ok || db.Name() != "mysql" || interpolates(db.Dialector) {
		return nil
	}
	return &sessions{db: inner, known: map[driver.Conn]*session{}}
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

// of returns what is known of a connection. database/sql does not tell when it closes
// one: those unused for longest are forgotten when there are more than are open.
func (s *sessions) of(c driver.Conn) *session {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clock++
	known := s.known[c]
	if known == nil {
		known = &session{ready: map[string]*lastingStmt{}, wanted: map[string]int{}}
		s.known[c] = known
		if most := 2*s.db.Stats().OpenConnections + spareSessions; len(s.known) > most {
			s.forget(most / 2)
		}
	}
	known.used = s.clock
	return known
}

// forget keeps about as many connections as said. The statements of the others end
// with their connections.
func (s *sessions) forget(keep int) {
	limit := s.clock - min(s.clock, uint64(keep))
	for c, known := range s.known {
		if known.used != 0 && known.used <= limit {
			delete(s.known, c)
		}
	}
}

// stmt is the statement as it is prepared on the transaction's connection, or nil.
// Names that may mean something else than they did are not for it. One of the
// application's stays prepared for the transaction at most: nobody can tell which
// database a connection uses the next time.
func (d *direct) stmt(ctx context.Context, c driver.Conn, query string, args int, ours bool) (driver.Stmt, error) {
	switch mysql := d.pool.prepared != nil; {
	case d.state.uncertain():
		return nil, nil
	case mysql && args == 0:
		return nil, nil // one round trip as it is
	case mysql && ours:
		return d.lasting(ctx, c, query)
	case mysql:
		return d.repeated(ctx, c, query, false)
	case d.state.p.server.Dialect == "sqlite" && !strings.Contains(query, ";"):
		return d.repeated(ctx, c, query, ours && args >= manyArguments)
	}
	return nil, nil
}

// manyArguments is how many a statement of ours has that is one of several, all of the
// same text: the longest INSERT on SQLite, where it costs nothing more to prepare it.
const manyArguments = 56

// lasting is a statement that stays prepared on its connection.
func (d *direct) lasting(ctx context.Context, c driver.Conn, query string) (driver.Stmt, error) {
	if d.session == nil {
		if !reflect.TypeOf(c).Comparable() {
			return nil, nil // a driver's connection that can not be told from others
		}
		d.session = d.pool.prepared.of(c)
	}
	s := d.session
	s.clock++
	if stmt := s.ready[query]; stmt != nil {
		stmt.used = s.clock
		return stmt.Stmt, nil
	}
	if len(query) < 6 {
		return nil, nil
	}
	switch query[:6] {
	case "SELECT", "INSERT", "DELETE":
	default:
		return nil, nil
	}
	if len(s.wanted) >= maxWanted {
		clear(s.wanted)
	}
	if s.wanted[query]++; s.wanted[query] < worthPreparing {
		return nil, nil
	}
	s.makeRoom()
	stmt, err := d.prepareOn(ctx, c, query)
	if stmt != nil {
		s.ready[query] = &lastingStmt{stmt, s.clock}
		delete(s.wanted, query)
	}
	return stmt, err
}

// repeated is a statement that comes again in a transaction, or certainly will: it stays
// prepared until that ends.
func (d *direct) repeated(ctx context.Context, c driver.Conn, query string, again bool) (driver.Stmt, error) {
	stmt, seen := d.own[query]
	if stmt != nil || !seen && len(d.own) >= maxPrepared || len(query) > maxRepeated {
		return stmt, nil
	}
	if d.own == nil {
		d.own = map[string]driver.Stmt{}
	}
	if !seen && !again {
		d.own[query] = nil
		return nil, nil
	}
	stmt, err := d.prepareOn(ctx, c, query)
	if stmt != nil {
		d.own[query] = stmt
	}
	return stmt, err
}

// prepareOn prepares a statement. One that can not be prepared is run as it is, and
// fails in its own words.
func (d *direct) prepareOn(ctx context.Context, c driver.Conn, query string) (driver.Stmt, error) {
	p, ok := c.(driver.ConnPrepareContext)
	if !ok {
		return nil, nil
	}
	stmt, err := p.PrepareContext(ctx, query)
	if err != nil {
		if errors.Is(err, driver.ErrBadConn) || ctx.Err() != nil {
			return nil, err
		}
		return nil, nil
	}
	_, execs := stmt.(driver.StmtExecContext)
	_, queries := stmt.(driver.StmtQueryContext)
	if !execs || !queries {
		_ = stmt.Close() // nothing came of it
		return nil, nil
	}
	return stmt, nil
}
