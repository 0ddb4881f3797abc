package driverconn

import (
	"database/sql"
	"database/sql/driver"
	"sync"
)

const (
	// maxPrepared bounds how many statements a connection keeps prepared: the server
	// allows 16,382 over all connections.
	maxPrepared = 32
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
