package replay

import (
	"context"
	"database/sql"
	"sync"
)

// maxIdle is how many idle connections a [Player] keeps. They hold nothing, so the
// number only has to cover callers that iterate at the same time.
const maxIdle = 64

// Player turns sets into live rows. It opens no network connection and registers
// no driver. It is safe for concurrent use.
type Player struct {
	mu     sync.RWMutex // held for reading while rows are opened
	closed bool
	db     *sql.DB
}

// NewPlayer returns a player. Close it when it is no longer needed.
func NewPlayer() *Player { return &Player{db: newPool()} }

func newPool() *sql.DB {
	db := sql.OpenDB(connector{})
	// No limit on open connections: rows that a caller forgets to close must not
	// block anybody else.
	db.SetMaxOpenConns(0)
	db.SetMaxIdleConns(maxIdle)
	return db
}

// use calls f with the pool, or, after Close, with one for this call only: a
// statement that was under way then still has rows to return.
func (p *Player) use(f func(*sql.DB)) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	if !p.closed {
		f(p.db)
		return
	}
	db := newPool()
	f(db)
	_ = db.Close() // rows that are being read stay readable
}

// Rows returns rows that yield s from its beginning. As with a database, an ended
// context is an error, and a context that ends later closes the rows. s must not
// change while the rows are in use.
//
// The rows belong to no transaction: they stay readable after it ends.
func (p *Player) Rows(ctx context.Context, s *Set) (rows *sql.Rows, err error) {
	p.use(func(db *sql.DB) { rows, err = db.QueryContext(ctx, "", s) }) //nolint:rowserrcheck,sqlclosecheck // the caller reads them
	return rows, err
}

// Close releases the player's resources. It does not wait for rows that are still
// being read, and those stay readable. Later calls of Rows work, more slowly.
func (p *Player) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	return p.db.Close()
}
