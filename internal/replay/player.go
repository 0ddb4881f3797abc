package replay

import (
	"context"
	"database/sql"
)

// maxIdle is how many idle connections a [Player] keeps. They hold nothing, so the
// number only has to cover callers that iterate at the same time.
const maxIdle = 64

// Player turns sets into live rows. It opens no network connection and registers
// no driver. It is safe for concurrent use.
type Player struct {
	db *sql.DB
}

// NewPlayer returns a player. Close it when it is no longer needed.
func NewPlayer() *Player {
	db := sql.OpenDB(connector{})
	// No limit on open connections: rows that a caller forgets to close must not
	// block anybody else.
	db.SetMaxOpenConns(0)
	db.SetMaxIdleConns(maxIdle)
	return &Player{db: db}
}

// Rows returns rows that yield s from its beginning. As with a database, an ended
// context is an error, and a context that ends later closes the rows. s must not
// change while the rows are in use.
//
// The rows belong to no transaction: they stay readable after it ends.
func (p *Player) Rows(ctx context.Context, s *Set) (*sql.Rows, error) {
	return p.db.QueryContext(ctx, "", s)
}

// Close releases the player's resources. It does not wait for rows that are still
// being read, and those stay readable. Later calls of Rows fail.
func (p *Player) Close() error {
	return p.db.Close()
}
