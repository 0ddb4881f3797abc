package auditplugin

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/internal/sqltext"
)

// transaction stands in for the transaction that GORM works on. It notices
// savepoints, writes the buffered records before COMMIT and announces them after.
// It is deliberately another type than pool: GORM and dbresolver tell a
// transaction from a pool by its methods.
type transaction struct {
	inner  gorm.Tx
	state  *state
	direct *direct // nil where its connection is not ours
}

var (
	_ gorm.Tx             = (*transaction)(nil)
	_ gorm.GetDBConnector = (*transaction)(nil)
)

func (p *Plugin) newTransaction(ctx context.Context, inner gorm.Tx) *transaction {
	return &transaction{inner: inner, state: newState(ctx, p, inner)}
}

// ExecContext runs a statement of the application.
func (t *transaction) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	acts, err := t.state.before(ctx, query)
	if err != nil {
		return nil, err
	}
	res, err := t.inner.ExecContext(ctx, query, args...)
	t.state.after(ctx, acts, err)
	return res, err
}

// QueryContext runs a query of the application.
func (t *transaction) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	acts, err := t.state.before(ctx, query)
	if err != nil {
		return nil, err
	}
	rows, err := t.inner.QueryContext(ctx, query, args...)
	t.state.after(ctx, acts, err)
	return rows, err
}

// QueryRowContext runs a query of the application.
func (t *transaction) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	acts, err := t.state.before(ctx, query)
	if err != nil {
		// A *sql.Row can not be made to hold our error; the query still runs, and
		// the failed flush fails the commit.
		t.state.poisonWith(err)
	}
	row := t.inner.QueryRowContext(ctx, query, args...)
	t.state.after(ctx, acts, row.Err())
	return row
}

// PrepareContext remembers the text of statements that must be noticed later.
func (t *transaction) PrepareContext(ctx context.Context, query string) (*sql.Stmt, error) {
	stmt, err := t.inner.PrepareContext(ctx, query)
	if err == nil {
		t.state.p.prepared.remember(t.state.p, stmt, query)
	} else {
		t.state.after(ctx, nil, err)
	}
	return stmt, err
}

// StmtContext is how prepared statements reach a transaction. They run through
// the *sql.Stmt, out of our sight, so what they will do is noted here.
func (t *transaction) StmtContext(ctx context.Context, stmt *sql.Stmt) *sql.Stmt {
	query, ok := t.state.p.prepared.text(stmt)
	if !ok {
		// The text was not worth remembering: an ordinary statement. Its errors
		// reach us through the armed pool.
		return t.inner.StmtContext(ctx, stmt)
	}
	acts, err := t.state.before(ctx, query)
	if err != nil {
		t.state.poisonWith(err)
	}
	t.state.after(ctx, acts, nil)
	return t.inner.StmtContext(ctx, stmt)
}

// GetDBConn returns the *sql.DB of the pool.
func (t *transaction) GetDBConn() (*sql.DB, error) {
	if t == nil {
		return nil, gorm.ErrInvalidDB
	}
	if c, ok := t.inner.(gorm.GetDBConnector); ok {
		return c.GetDBConn()
	}
	return (&gorm.DB{Config: &gorm.Config{ConnPool: t.inner}}).DB()
}

// Commit writes the buffered records, commits, and announces the records. Where
// plain GORM's Commit would fail, it fails with the same error.
func (t *transaction) Commit() error {
	s := t.state
	s.mu.Lock()
	err := t.commit()
	t.direct.ended() // others may need the connection from here on
	finish := s.end(err == nil)
	s.mu.Unlock()
	finish()
	return err
}

func (t *transaction) commit() error {
	s := t.state
	if s.done {
		return t.commitInner() // it fails, in the words of database/sql
	}
	if s.ctx.Err() != nil {
		return t.tooLate()
	}
	if err := s.commitBlocker(); err != nil {
		_ = t.rollbackInner() // the reason for it is what the caller needs
		return err
	}
	if err := s.flush(s.ctx); err != nil {
		if s.ctx.Err() != nil {
			return t.tooLate()
		}
		if sqlState(err) == pgInFailedTransaction {
			return t.commitInner() // the server rolls back
		}
		_ = t.rollbackInner()
		return err
	}
	return t.commitInner()
}

// tooLate is Commit after the context has ended, as database/sql words it. Its own
// Commit could still succeed, without the records: the end of a context reaches the
// one that it derived a moment later.
func (t *transaction) tooLate() error {
	// Nothing of ours runs any more, so there is nothing to finish first.
	if err := t.inner.Rollback(); errors.Is(err, sql.ErrTxDone) {
		return err
	}
	return t.state.ctx.Err()
}

// Nothing of ours may run on the connection once its transaction is over.

func (t *transaction) commitInner() error {
	t.direct.finish()
	return t.inner.Commit()
}

func (t *transaction) rollbackInner() error {
	t.direct.finish()
	return t.inner.Rollback()
}

// Rollback rolls back and drops the records.
func (t *transaction) Rollback() error {
	err := t.rollbackInner()
	t.direct.ended()
	t.state.mu.Lock()
	finish := t.state.end(false)
	t.state.mu.Unlock()
	finish()
	return err
}

// asTransaction finds our transaction in what a statement runs on.
func asTransaction(cp gorm.ConnPool) (*transaction, bool) {
	switch c := cp.(type) {
	case *transaction:
		return c, c != nil
	case *gorm.PreparedStmtTX:
		return asTransaction(c.Tx)
	case armedConn:
		return asTransaction(c.original())
	}
	return nil, false
}

// wrapTransaction returns cp with the transaction in it wrapped, for transactions
// that did not come from our pool.
func (p *Plugin) wrapTransaction(ctx context.Context, cp gorm.ConnPool) gorm.ConnPool {
	if _, ok := asTransaction(cp); ok {
		return cp
	}
	switch c := cp.(type) {
	case *gorm.PreparedStmtTX:
		return &gorm.PreparedStmtTX{Tx: p.newTransaction(ctx, c.Tx), PreparedStmtDB: c.PreparedStmtDB}
	case gorm.Tx:
		return p.newTransaction(ctx, c)
	}
	return cp
}

// SQLTx returns the *sql.Tx that GORM's transaction tx runs on, for libraries that
// take part in it. What they write through it is not recorded. It fails with
// [gorm.ErrInvalidTransaction] when tx is not in a transaction.
//
//	sqlTx, err := auditplugin.SQLTx(tx)
func SQLTx(tx *gorm.DB) (*sql.Tx, error) {
	if tx == nil || tx.Statement == nil {
		return nil, fmt.Errorf("auditplugin: SQLTx: %w", gorm.ErrInvalidTransaction)
	}
	var cp any = tx.Statement.ConnPool
	for {
		switch c := cp.(type) {
		case *sql.Tx:
			if c == nil {
				return nil, fmt.Errorf("auditplugin: SQLTx: %w", gorm.ErrInvalidTransaction)
			}
			return c, nil
		case *transaction:
			if c == nil {
				return nil, fmt.Errorf("auditplugin: SQLTx: %w", gorm.ErrInvalidTransaction)
			}
			c.direct.detach() // it may be ended by whoever has the *sql.Tx
			cp = c.inner
		case *gorm.PreparedStmtTX:
			cp = c.Tx
		case armedConn:
			cp = c.original()
		default:
			return nil, fmt.Errorf("auditplugin: SQLTx: %T: %w", cp, gorm.ErrInvalidTransaction)
		}
	}
}

// noteworthy reports whether a transaction must know that query ran: transaction
// control, statements that commit implicitly, and reads of the audit table.
func (p *Plugin) noteworthy(query string) bool {
	if !sqltext.Single(query) {
		return true
	}
	switch sqltext.First(p.server.Dialect, query) {
	case sqltext.Insert, sqltext.Update, sqltext.Delete:
		return false
	case sqltext.Select:
		return p.mentionsAuditTable(query) || strings.Contains(query, "set_config") || p.server.MariaDB && mayLock(query)
	}
	return true
}

// changesSession reports whether names and privileges may mean something else
// from here on: SET ROLE, SET search_path, USE, PRAGMA foreign_keys and the like.
func changesSession(acts []sqltext.Statement, query string) bool {
	if strings.Contains(query, "set_config") {
		return true
	}
	for _, a := range acts {
		if a.Kind == sqltext.Other {
			return true
		}
	}
	return false
}

func (p *Plugin) mentionsAuditTable(query string) bool {
	for _, name := range p.auditTables {
		if sqltext.Mentions(query, name) {
			return true
		}
	}
	return false
}
