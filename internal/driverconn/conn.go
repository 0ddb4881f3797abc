// Package driverconn uses the driver's connection under a transaction without
// database/sql in between: there each query in a transaction starts a goroutine and each
// argument is converted on its own, which costs more than the statement itself on SQLite.
//
// What database/sql guards is guarded here: the connection is locked while it is in use,
// and never used once the transaction may be over. It is another way for statements only:
// they fall back on the transaction where it can not serve.
package driverconn

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"sync"

	"github.com/gorm-audit/auditplugin/internal/neighbour"
)

// Conn is the connection of a transaction that we began. The zero Conn is not open; a nil
// one serves nothing, and every method says so.
type Conn struct {
	// begun is the context of BeginTx. When it ends, database/sql rolls back.
	begun   context.Context
	conn    *sql.Conn
	shared  *Shared
	names   Names
	stop    func() bool // keeps the end of begun from giving the connection back
	session *session    // the connection's statements that stay prepared; nil until wanted

	mu   sync.Mutex
	over bool
	// own are statements prepared for this transaction, by text; nil those that came
	// once.
	own map[string]driver.Stmt
	*buffers
}

// Names tells whether the names in a statement may mean something else than before on the
// transaction's connection. Such statements are not kept prepared.
type Names interface{ Uncertain() bool }

// Begin begins a transaction of db on a connection that c can use. open is false where it
// can not be had: the transaction is then an ordinary one, and c stays as it was.
func (c *Conn) Begin(ctx context.Context, shared *Shared, db *sql.DB, opts *sql.TxOptions, names Names) (tx *sql.Tx, open bool, err error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, false, err
	}
	tx, err = conn.BeginTx(ctx, opts)
	if err != nil {
		_ = conn.Close() // the error of BEGIN is what the caller sees
		if !errors.Is(err, driver.ErrBadConn) {
			return nil, false, err
		}
		// database/sql tries other connections; of a connection it has none.
		tx, err = db.BeginTx(ctx, opts)
		return tx, false, err
	}
	c.begun, c.conn, c.shared, c.names = ctx, conn, shared, names
	c.buffers = shared.buffers.Get().(*buffers)
	if ctx.Done() != nil {
		// Who lets a context end without Rollback gets the connection back into
		// the pool all the same. Close waits for database/sql's own rollback.
		c.stop = context.AfterFunc(ctx, c.giveBack)
	}
	return tx, true, nil
}

// Finish ends the use of the connection: nothing of ours will run on it.
func (c *Conn) Finish() {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.over {
		return
	}
	c.over = true
	if c.dropped() {
		c.shared.buffers.Put(c.buffers)
	}
	c.buffers = nil
	if len(c.own) == 0 {
		return
	}
	neighbour.Raw(c.conn, func(any) {
		for _, stmt := range c.own {
			if stmt != nil {
				_ = stmt.Close() // an error would be the connection's, and met again
			}
		}
	})
	c.own = nil
}

// giveBack returns the connection to the pool as soon as its transaction is over, for
// which it waits.
func (c *Conn) giveBack() {
	c.Finish()
	_ = c.conn.Close() // it can not fail but by having been closed
}

// Ended gives the connection back after Commit or Rollback.
func (c *Conn) Ended() {
	if c == nil || c.stop != nil && !c.stop() {
		return // the context's end does it
	}
	c.giveBack()
}

// Detach leaves the transaction to somebody who may end it without us. The connection
// goes back when that has happened.
func (c *Conn) Detach() {
	if c == nil {
		return
	}
	c.Finish()
	go c.giveBack()
}

// use calls f with the driver's connection, if the transaction is certain to be open.
// ok says that f was called.
func (c *Conn) use(f func(dc driver.Conn) error) (ok bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.over {
		return false, nil
	}
	var panicked any
	neighbour.Raw(c.conn, func(raw any) {
		// The connection is locked now. A rollback by database/sql would need it, and
		// starts only after the context has ended: so there has been none.
		if c.begun.Err() != nil {
			return
		}
		dc, isConn := raw.(driver.Conn)
		if !isConn {
			return
		}
		defer func() { panicked = recover() }()
		ok = true
		err = f(dc)
	})
	if panicked != nil {
		panic(panicked)
	}
	return ok, err
}
