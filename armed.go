package auditplugin

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gorm-audit/auditplugin/audit"
)

type operation string

const (
	opCreate operation = "create"
	opUpdate operation = "update"
	opDelete operation = "delete"
	opRaw    operation = "raw"
)

var errShardingPool = fmt.Errorf("%w: gorm's sharding plugin does not work with a wrapped pool; use WithUnwrappedPool", ErrUnsupportedPool)

// armedConn is the connection that stands in for the real one while one statement
// runs.
type armedConn interface {
	gorm.ConnPool
	original() gorm.ConnPool
}

// armed captures the images of the statement it was made for. Anything else that
// runs on it goes straight through.
type armed struct {
	orig  gorm.ConnPool
	p     *Plugin
	db    *gorm.DB
	op    operation
	model *model
	ref   table
	raw   []*model
}

// armedTx is armed in a transaction: GORM tells the two apart by their methods.
type armedTx struct{ *armed }

var (
	_ armedConn = (*armed)(nil)
	_ gorm.Tx   = (*armedTx)(nil)
)

func (a *armed) original() gorm.ConnPool { return a.orig }

func (a *armed) PrepareContext(ctx context.Context, query string) (*sql.Stmt, error) {
	return a.orig.PrepareContext(ctx, query)
}

func (a *armed) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	if query != a.db.Statement.SQL.String() {
		return a.orig.ExecContext(ctx, query, args...)
	}
	out, err := a.run(ctx, call{query: query, args: args})
	if err != nil {
		return nil, err
	}
	return out.result, nil
}

func (a *armed) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if query != a.db.Statement.SQL.String() {
		return a.orig.QueryContext(ctx, query, args...)
	}
	out, err := a.run(ctx, call{query: query, args: args, wantRows: true})
	if err != nil && (out.rows == nil || !errors.Is(err, out.rows.Err) || len(out.rows.Rows) == 0) {
		return nil, err
	}
	return a.p.player.Rows(ctx, out.rows)
}

func (a *armed) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	if query != a.db.Statement.SQL.String() {
		return a.orig.QueryRowContext(ctx, query, args...)
	}
	out, err := a.run(ctx, call{query: query, args: args, wantRows: true})
	if err != nil {
		return a.p.player.Row(ctx, nil, err)
	}
	return a.p.player.Row(ctx, out.rows, nil)
}

func (t *armedTx) Commit() error   { return t.orig.(gorm.TxCommitter).Commit() }
func (t *armedTx) Rollback() error { return t.orig.(gorm.TxCommitter).Rollback() }

func (t *armedTx) StmtContext(ctx context.Context, stmt *sql.Stmt) *sql.Stmt {
	return t.orig.(gorm.Tx).StmtContext(ctx, stmt)
}

// run executes the statement in a transaction, opening one when there is none: a
// change and its record must not part.
func (a *armed) run(ctx context.Context, c call) (outcome, error) {
	if tx, ok := asTransaction(a.orig); ok {
		return a.runIn(ctx, c, a.orig, tx.state)
	}
	if raw, ok := bareTx(a.orig); ok {
		return a.runIn(ctx, c, a.orig, a.p.bare.state(ctx, a.p, raw))
	}
	cp, tx, err := a.begin(ctx)
	if err != nil {
		return outcome{}, err
	}
	defer func() {
		if r := recover(); r != nil {
			_ = tx.Rollback() // the panic is what the caller sees
			panic(r)
		}
	}()
	out, err := a.runIn(ctx, c, cp, tx.state)
	if err != nil {
		_ = tx.Rollback() // likewise the statement's own error
		return out, err
	}
	return out, tx.Commit()
}

func (a *armed) runIn(ctx context.Context, c call, cp gorm.ConnPool, s *state) (outcome, error) {
	if a.model == nil {
		if err := a.resolve(c.query); err != nil {
			return outcome{}, err
		}
		if a.model == nil {
			return (&job{armed: a, ctx: ctx, call: c, user: cp, state: s}).plain()
		}
	}
	if reason, skip := audit.SkipFrom(ctx); skip && a.op != opRaw {
		return a.runSkipped(ctx, c, cp, s, reason)
	}
	if a.op == opRaw {
		return a.runRaw(ctx, c, cp, s)
	}
	j := &job{armed: a, ctx: ctx, call: c, user: cp, state: s}
	return j.run()
}

// begin opens a transaction on the pool that the statement would have run on.
func (a *armed) begin(ctx context.Context) (gorm.ConnPool, *transaction, error) {
	if ps, ok := a.orig.(*gorm.PreparedStmtDB); ok {
		tx, err := a.beginOn(ctx, ps.ConnPool)
		if err != nil {
			return nil, nil, err
		}
		return &gorm.PreparedStmtTX{Tx: tx, PreparedStmtDB: ps}, tx, nil
	}
	tx, err := a.beginOn(ctx, a.orig)
	return tx, tx, err
}

func (a *armed) beginOn(ctx context.Context, cp gorm.ConnPool) (*transaction, error) {
	if w, ok := cp.(*pool); ok {
		return w.begin(ctx, nil)
	}
	inner, err := beginRaw(ctx, cp, nil)
	if errors.Is(err, gorm.ErrInvalidTransaction) {
		return nil, fmt.Errorf("%w: %T can not begin a transaction, without which a change and its record may part", ErrUnsupportedPool, cp)
	}
	if err != nil {
		return nil, err
	}
	return a.p.newTransaction(ctx, inner), nil
}

// resolve finds out, from the final SQL, what a statement over several tables
// writes. Where that is not one table's UPDATE it is treated as raw SQL.
func (a *armed) resolve(query string) error {
	set, _ := a.db.Statement.Clauses["SET"].Expression.(clause.Set)
	if ref, ok := assignedTable(set); ok && a.op == opUpdate {
		m := a.p.modelFor(a.p.schemaOf(a.db.Statement.Schema, ref.name), ref.name)
		if !m.audited {
			return nil
		}
		a.model, a.ref = m, ref
		return a.p.admit(a.db, m, a.op)
	}
	if a.p.cfg.raw == RawAllow {
		return nil
	}
	writes := a.p.rawWrites(query)
	if len(writes) == 0 {
		return nil
	}
	a.op, a.model, a.raw = opRaw, writes[0], writes
	return a.p.admitRaw(a.db, writes)
}
