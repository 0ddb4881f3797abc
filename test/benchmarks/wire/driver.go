package wire

import (
	"context"
	"database/sql/driver"
	"errors"
)

// connector opens connections whose calls are counted. It is made for a driver whose
// connections have the optional interfaces that SQLite's have.
type connector struct {
	driver  driver.Driver
	source  string
	traffic *Traffic
}

func (c connector) Driver() driver.Driver { return c.driver }

func (c connector) Connect(context.Context) (driver.Conn, error) {
	opened, err := c.driver.Open(c.source)
	if err != nil {
		return nil, err
	}
	full, ok := opened.(fullConn)
	if !ok {
		return nil, errors.Join(errors.New("auditplugin: a driver of this kind cannot be counted"), opened.Close())
	}
	return &calls{fullConn: full, traffic: c.traffic}, nil
}

// fullConn is what database/sql looks for in a connection.
type fullConn interface {
	driver.Conn
	driver.ConnPrepareContext
	driver.ConnBeginTx
	driver.ExecerContext
	driver.QueryerContext
	driver.Pinger
}

func (t *Traffic) statement() {
	t.statements.Add(1)
	t.roundTrips.Add(1)
}

// calls is a connection whose calls are counted.
type calls struct {
	fullConn
	traffic *Traffic
}

func (c *calls) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	c.traffic.statement()
	return c.fullConn.ExecContext(ctx, query, args)
}

func (c *calls) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	c.traffic.statement()
	return c.fullConn.QueryContext(ctx, query, args)
}

func (c *calls) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	c.traffic.prepares.Add(1)
	c.traffic.roundTrips.Add(1)
	s, err := c.fullConn.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	return wrapStmt(s, c.traffic)
}

func (c *calls) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	c.traffic.statement()
	tx, err := c.fullConn.BeginTx(ctx, opts)
	if err != nil {
		return nil, err
	}
	return &txCalls{Tx: tx, traffic: c.traffic}, nil
}

// fullStmt is what database/sql looks for in a prepared statement.
type fullStmt interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

type stmtCalls struct {
	fullStmt
	traffic *Traffic
}

func wrapStmt(s driver.Stmt, t *Traffic) (driver.Stmt, error) {
	full, ok := s.(fullStmt)
	if !ok {
		return nil, errors.Join(errors.New("auditplugin: a driver of this kind cannot be counted"), s.Close())
	}
	return &stmtCalls{fullStmt: full, traffic: t}, nil
}

func (s *stmtCalls) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	s.traffic.statement()
	return s.fullStmt.ExecContext(ctx, args)
}

func (s *stmtCalls) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	s.traffic.statement()
	return s.fullStmt.QueryContext(ctx, args)
}

type txCalls struct {
	driver.Tx
	traffic *Traffic
}

func (t *txCalls) Commit() error {
	t.traffic.statement()
	return t.Tx.Commit()
}

func (t *txCalls) Rollback() error {
	t.traffic.statement()
	return t.Tx.Rollback()
}
