package auditplugin

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"sync"

	"gorm.io/gorm"
)

// direct is the connection of a transaction that we began, used without database/sql
// in between: there each query in a transaction starts a goroutine and each argument
// is converted on its own, which costs more than the statement itself on SQLite.
//
// What database/sql guards is guarded here: the connection is locked while it is in
// use, and never used once the transaction may be over. It is another way for
// statements only: they fall back on the transaction where it can not serve.
type direct struct {
	// begun is the context of BeginTx. When it ends, database/sql rolls back.
	begun   context.Context
	conn    *sql.Conn
	pool    *pool
	state   *state
	stop    func() bool // keeps the end of begun from giving the connection back
	session *session    // the connection's statements that stay prepared; nil until wanted

	mu   sync.Mutex
	over bool
	// own are statements prepared for this transaction, by text; nil those that came
	// once.
	own map[string]driver.Stmt
	*buffers
}

// buffers are used again by each statement.
type buffers struct {
	args  []driver.NamedValue
	check driver.NamedValue
	dest  []driver.Value
	row   []any
}

func newBuffers() any {
	return &buffers{args: make([]driver.NamedValue, 0, 32), dest: make([]driver.Value, 0, 16), row: make([]any, 0, 16)}
}

// dropped forgets what buffers of usual size hold; larger ones are not worth keeping.
func (b *buffers) dropped() bool {
	if cap(b.args) > 1024 || cap(b.dest) > 1024 {
		return false
	}
	clear(b.args[:cap(b.args)])
	clear(b.dest[:cap(b.dest)])
	clear(b.row[:cap(b.row)])
	b.check = driver.NamedValue{}
	return true
}

// beginDirect begins a transaction of db on a connection that direct can use. Where
// it can not be had, the transaction is an ordinary one.
func (c *pool) beginDirect(ctx context.Context, db *sql.DB, opts *sql.TxOptions) (*transaction, error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	tx, err := conn.BeginTx(ctx, opts)
	if err != nil {
		_ = conn.Close() // the error of BEGIN is what the caller sees
		if !errors.Is(err, driver.ErrBadConn) {
			return nil, err
		}
		// database/sql tries other connections; of a connection it has none.
		if tx, err = db.BeginTx(ctx, opts); err != nil {
			return nil, err
		}
		return c.p.newTransaction(ctx, tx), nil
	}
	// One allocation instead of four: each write has one.
	t := &struct {
		transaction
		state
		direct
		directConn
	}{}
	d := &t.direct
	*d = direct{begun: ctx, conn: conn, pool: c, state: &t.state, buffers: c.buffers.Get().(*buffers)}
	t.directConn = directConn{Tx: tx, d: d}
	t.state.start(ctx, c.p, &t.directConn)
	t.state.direct = d
	t.transaction = transaction{inner: tx, state: &t.state, direct: d}
	if ctx.Done() != nil {
		// Who lets a context end without Rollback gets the connection back into
		// the pool all the same. Close waits for database/sql's own rollback.
		d.stop = context.AfterFunc(ctx, d.giveBack)
	}
	return &t.transaction, nil
}

// finish ends the direct use of the connection: nothing of ours will run on it.
func (d *direct) finish() {
	if d == nil {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.over {
		return
	}
	d.over = true
	if d.dropped() {
		d.pool.buffers.Put(d.buffers)
	}
	d.buffers = nil
	if len(d.own) == 0 {
		return
	}
	d.raw(func(any) error {
		for _, stmt := range d.own {
			if stmt != nil {
				_ = stmt.Close() // an error would be the connection's, and met again
			}
		}
		return nil
	})
	d.own = nil
}

// giveBack returns the connection to the pool as soon as its transaction is over,
// for which it waits.
func (d *direct) giveBack() {
	d.finish()
	_ = d.conn.Close() // it can not fail but by having been closed
}

// ended gives the connection back after Commit or Rollback.
func (d *direct) ended() {
	if d == nil || d.stop != nil && !d.stop() {
		return // the context's end does it
	}
	d.giveBack()
}

// detach leaves the transaction to somebody who may end it without us. The connection
// goes back when that has happened.
func (d *direct) detach() {
	if d == nil {
		return
	}
	d.finish()
	go d.giveBack()
}

// use calls f with the driver's connection, if the transaction is certain to be open.
// ok says that f was called.
func (d *direct) use(f func(c driver.Conn) error) (ok bool, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.over {
		return false, nil
	}
	var panicked any
	d.raw(func(dc any) error {
		// The connection is locked now. A rollback by database/sql would need it, and
		// starts only after the context has ended: so there has been none.
		if d.begun.Err() != nil {
			return nil
		}
		c, isConn := dc.(driver.Conn)
		if !isConn {
			return nil
		}
		defer func() { panicked = recover() }()
		ok = true
		err = f(c)
		// Not to be returned: Raw closes a bad connection, and would wait for the
		// transaction that it is in.
		return nil
	})
	if panicked != nil {
		panic(panicked)
	}
	return ok, err
}

// raw is conn.Raw. When database/sql closes a bad connection at this very moment, Raw
// finds none to lock and panics; what is said here is then never called.
func (d *direct) raw(f func(dc any) error) {
	defer func() { _ = recover() }()
	_ = d.conn.Raw(f) // f reports its own errors; a closed connection does not call it
}

// errIndirect says that a statement has to go through the transaction.
var errIndirect = errors.New("auditplugin: not a statement for the driver alone")

// exec runs a statement without rows, of ours or not. ok is false when nothing has been
// done.
func (d *direct) exec(ctx context.Context, query string, args []any, ours bool) (res sql.Result, ok bool, err error) {
	if d == nil || ctx.Err() != nil {
		return nil, false, nil
	}
	ok, err = d.use(func(c driver.Conn) error {
		stmt, err := d.stmt(ctx, c, query, len(args), ours)
		if err != nil {
			return err
		}
		if stmt == nil && len(args) > 0 && d.pool.prepared != nil {
			return errIndirect // the driver would only say that it has to be prepared
		}
		named, err := d.named(c, stmt, args)
		if err != nil {
			return err
		}
		if stmt != nil {
			res, err = stmt.(driver.StmtExecContext).ExecContext(ctx, named)
			return err
		}
		e, can := c.(driver.ExecerContext)
		if !can {
			return errIndirect
		}
		if res, err = e.ExecContext(ctx, query, named); errors.Is(err, driver.ErrSkip) {
			return errIndirect
		}
		return err
	})
	if !ok || errors.Is(err, errIndirect) {
		return nil, false, nil
	}
	return res, true, err
}

// each runs a query of ours and calls f with each row, which f must not keep. ok is
// false when nothing has been done.
func (d *direct) each(ctx context.Context, query string, args []any, width int, f func(raw []any) error) (ok bool, err error) {
	return d.query(ctx, query, args, true, func(rows driver.Rows) error { return d.read(ctx, rows, width, f) })
}

// query runs a query, of ours or not, and calls f with its rows.
func (d *direct) query(ctx context.Context, query string, args []any, ours bool, f func(driver.Rows) error) (ok bool, err error) {
	if d == nil || ctx.Err() != nil {
		return false, nil
	}
	ok, err = d.use(func(c driver.Conn) error {
		stmt, err := d.stmt(ctx, c, query, len(args), ours)
		if err != nil {
			return err
		}
		if stmt == nil && len(args) > 0 && d.pool.prepared != nil {
			// Prepared it has to be; so would database/sql.
			if stmt, _ = d.prepareOn(ctx, c, query); stmt == nil {
				return errIndirect // it will fail there
			}
			defer func() { _ = stmt.Close() }() // its rows are read by then
		}
		named, err := d.named(c, stmt, args)
		if err != nil {
			return err
		}
		var rows driver.Rows
		if stmt != nil {
			rows, err = stmt.(driver.StmtQueryContext).QueryContext(ctx, named)
		} else if q, can := c.(driver.QueryerContext); can {
			rows, err = q.QueryContext(ctx, query, named)
		} else {
			return errIndirect
		}
		if errors.Is(err, driver.ErrSkip) {
			return errIndirect
		}
		if err != nil {
			return err
		}
		return f(rows)
	})
	if !ok || errors.Is(err, errIndirect) {
		return false, nil
	}
	return true, err
}

// directConn is a transaction as our own statements use it.
type directConn struct {
	gorm.Tx
	d *direct
}

// ExecContext runs a statement of ours.
func (c *directConn) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	if res, ok, err := c.d.exec(ctx, query, args, true); ok {
		return res, err
	}
	return c.Tx.ExecContext(ctx, query, args...)
}
