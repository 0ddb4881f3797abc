package intercept

import (
	"context"
	"database/sql"
	"errors"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gorm-audit/auditplugin/internal/neighbour"
	"github.com/gorm-audit/auditplugin/internal/statement"
	"github.com/gorm-audit/auditplugin/internal/table"
)

// conn stands in for a statement's connection while that runs, and captures the one
// statement that it was made for. Anything else that runs on it goes straight through.
type conn struct {
	original gorm.ConnPool
	i        *Interceptor
	raw      []*table.Model
	// What GORM said of the table when the conn was put in place. Other plugins' callbacks,
	// such as those for tenants, come after that and may name another one.
	table     string
	tableExpr *clause.Expr
	// statement is the one at hand, here to be one allocation less. Its model is nil until
	// the SQL tells.
	statement statement.Statement
}

// connTx is conn in a transaction, and connPool is one where none has begun: GORM tells them
// apart by their methods. Callbacks of the application's may use what stands there, as they
// would its own.
type (
	connTx   struct{ *conn }
	connPool struct{ *conn }
)

var (
	_ neighbour.StandIn     = (*conn)(nil)
	_ gorm.GetDBConnector   = (*conn)(nil)
	_ gorm.Tx               = (*connTx)(nil)
	_ gorm.ConnPoolBeginner = connPool{}
)

// Original is the statement's own connection.
func (c *conn) Original() gorm.ConnPool { return c.original }

// GetDBConn is for db.DB().
func (c *conn) GetDBConn() (*sql.DB, error) {
	return (&gorm.DB{Config: &gorm.Config{ConnPool: c.original}}).DB()
}

// captures reports whether a query is the statement that the conn was made for.
func (c *conn) captures(query string) (captured bool, err error) {
	s := &c.statement
	stmt := s.DB.Statement
	if query != stmt.SQL.String() {
		return false, nil
	}
	if s.Op == statement.Raw || stmt.Table == c.table && stmt.TableExpr == c.tableExpr {
		return true, nil
	}
	s.Model, s.Name, captured, err = c.i.aim(s.DB, s.Op)
	return captured, err
}

func (c *conn) PrepareContext(ctx context.Context, query string) (*sql.Stmt, error) {
	return c.original.PrepareContext(ctx, query)
}

func (c *conn) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	if ours, err := c.captures(query); err != nil {
		return nil, err
	} else if !ours {
		return c.original.ExecContext(ctx, query, args...)
	}
	out, err := c.run(ctx, statement.Call{Query: query, Args: args})
	if err != nil {
		return nil, err
	}
	return out.Result, nil
}

func (c *conn) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if ours, err := c.captures(query); err != nil {
		return nil, err
	} else if !ours {
		return c.original.QueryContext(ctx, query, args...)
	}
	out, err := c.run(ctx, statement.Call{Query: query, Args: args, WantRows: true})
	if err != nil && (out.Rows == nil || !errors.Is(err, out.Rows.Err) || len(out.Rows.Rows) == 0) {
		return nil, err
	}
	return c.i.Player.Rows(ctx, out.Rows)
}

func (c *conn) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	if ours, err := c.captures(query); err != nil {
		return c.i.Player.Row(ctx, nil, err)
	} else if !ours {
		return c.original.QueryRowContext(ctx, query, args...)
	}
	out, err := c.run(ctx, statement.Call{Query: query, Args: args, WantRows: true})
	if err != nil {
		return c.i.Player.Row(ctx, nil, err)
	}
	return c.i.Player.Row(ctx, out.Rows, nil)
}

func (t *connTx) Commit() error   { return t.original.(gorm.TxCommitter).Commit() }
func (t *connTx) Rollback() error { return t.original.(gorm.TxCommitter).Rollback() }

func (t *connTx) StmtContext(ctx context.Context, stmt *sql.Stmt) *sql.Stmt {
	return t.original.(gorm.Tx).StmtContext(ctx, stmt)
}

// BeginTx begins a transaction of the application's.
func (p connPool) BeginTx(ctx context.Context, opts *sql.TxOptions) (gorm.ConnPool, error) {
	if pool, ok := p.original.(gorm.ConnPoolBeginner); ok {
		return pool.BeginTx(ctx, opts)
	}
	return p.original.(gorm.TxBeginner).BeginTx(ctx, opts)
}
