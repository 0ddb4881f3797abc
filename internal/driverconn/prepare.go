package driverconn

import (
	"context"
	"database/sql/driver"
	"errors"
	"reflect"
	"strings"
)

const (
	// worthPreparing is how often a statement of ours must be wanted first.
	worthPreparing = 3
	// maxWanted bounds how many texts are counted at a time.
	maxWanted = 64
	// maxRepeated is how long a statement is at most that is prepared for a
	// transaction, in bytes.
	maxRepeated = 16 << 10
)

// stmt is the statement as it is prepared on the transaction's connection, or nil.
// Names that may mean something else than they did are not for it. One of the
// application's stays prepared for the transaction at most: nobody can tell which
// database a connection uses the next time.
func (c *Conn) stmt(ctx context.Context, dc driver.Conn, query string, args int, ours bool) (driver.Stmt, error) {
	switch lasts := c.shared.sessions != nil; {
	case c.names.Uncertain():
		return nil, nil
	case lasts && args == 0:
		return nil, nil // one round trip as it is
	case lasts && ours:
		return c.lasting(ctx, dc, query)
	case lasts:
		return c.repeated(ctx, dc, query, false)
	case c.shared.repeats && !strings.Contains(query, ";"):
		return c.repeated(ctx, dc, query, ours && args >= manyArguments)
	}
	return nil, nil
}

// manyArguments is how many a statement of ours has that is one of several, all of the
// same text: the longest INSERT on SQLite, where it costs nothing more to prepare it.
const manyArguments = 56

// lasting is a statement that stays prepared on its connection.
func (c *Conn) lasting(ctx context.Context, dc driver.Conn, query string) (driver.Stmt, error) {
	if c.session == nil {
		if !reflect.TypeOf(dc).Comparable() {
			return nil, nil // a driver's connection that can not be told from others
		}
		c.session = c.shared.sessions.of(dc)
	}
	s := c.session
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
	stmt, err := c.prepareOn(ctx, dc, query)
	if stmt != nil {
		s.ready[query] = &lastingStmt{stmt, s.clock}
		delete(s.wanted, query)
	}
	return stmt, err
}

// repeated is a statement that comes again in a transaction, or certainly will: it stays
// prepared until that ends.
func (c *Conn) repeated(ctx context.Context, dc driver.Conn, query string, again bool) (driver.Stmt, error) {
	stmt, seen := c.own[query]
	if stmt != nil || !seen && len(c.own) >= maxPrepared || len(query) > maxRepeated {
		return stmt, nil
	}
	if c.own == nil {
		c.own = map[string]driver.Stmt{}
	}
	if !seen && !again {
		c.own[query] = nil
		return nil, nil
	}
	stmt, err := c.prepareOn(ctx, dc, query)
	if stmt != nil {
		c.own[query] = stmt
	}
	return stmt, err
}

// prepareOn prepares a statement. One that can not be prepared is run as it is, and
// fails in its own words.
func (c *Conn) prepareOn(ctx context.Context, dc driver.Conn, query string) (driver.Stmt, error) {
	p, ok := dc.(driver.ConnPrepareContext)
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
