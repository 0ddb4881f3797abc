// Package intercept leads one statement of GORM from its admission to its records: it puts a
// connection of ours in the place of the statement's for as long as that runs.
package intercept

import (
	"context"
	"fmt"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/internal/capture"
	"github.com/gorm-audit/auditplugin/internal/dialect"
	"github.com/gorm-audit/auditplugin/internal/entry"
	"github.com/gorm-audit/auditplugin/internal/fault"
	"github.com/gorm-audit/auditplugin/internal/neighbour"
	"github.com/gorm-audit/auditplugin/internal/observe"
	"github.com/gorm-audit/auditplugin/internal/origin"
	"github.com/gorm-audit/auditplugin/internal/replay"
	"github.com/gorm-audit/auditplugin/internal/sqltext"
	"github.com/gorm-audit/auditplugin/internal/statement"
	"github.com/gorm-audit/auditplugin/internal/table"
	"github.com/gorm-audit/auditplugin/internal/txn"
)

// Recorder makes records of what a statement changed.
type Recorder interface {
	// Record hands the statement's records to its transaction. about is what they share.
	Record(s *statement.Statement, about audit.Record) error
}

// Interceptor is safe for concurrent use once its fields are set.
type Interceptor struct {
	Dialect  *dialect.Dialect
	Follower *txn.Follower
	Tables   *table.Registry
	Images   capture.Images
	Recorder Recorder
	Origin   *origin.Origin
	Gate     *Gate
	// Observe is told of statements that were captured, or nil.
	Observe *observe.Observers
	Player  *replay.Player
	// Migrator is the database's: what it sends moves rows, and changes none.
	Migrator neighbour.Migrator
	// Trail is the audit table.
	Trail Trail
	// Unwrapped tells that GORM's pool was left as it is.
	Unwrapped bool
	// Companion tells that there may be triggers that record what we do not.
	Companion bool
}

var errShardingPool = fmt.Errorf("%w: gorm's sharding plugin does not work with a wrapped pool; use WithUnwrappedPool", fault.ErrUnsupportedPool)

// Before puts the capturing connection in place for the one statement that comes next. Only
// when that runs are its clauses final.
func (i *Interceptor) Before(db *gorm.DB, op statement.Operation) {
	m, name, captured, err := i.aim(db, op)
	if err != nil {
		_ = db.AddError(err)
	}
	if captured {
		stmt := db.Statement
		i.stand(db, &conn{table: stmt.Table, tableExpr: stmt.TableExpr, statement: statement.Statement{Op: op, Model: m, Name: name}})
	}
}

// aim finds out which table the statement is about, and whether it is captured. There is no
// model where only its SQL will tell.
func (i *Interceptor) aim(db *gorm.DB, op statement.Operation) (m *table.Model, name table.Name, captured bool, err error) {
	name, ok := table.NameOf(db.Statement)
	if !ok {
		return nil, name, db.Statement.TableExpr != nil, nil // without any, GORM itself will report that
	}
	m = i.Tables.Model(db.Statement.Schema, name.Name)
	if !m.Audited {
		return nil, name, false, i.foreign(db, name)
	}
	if err := i.Gate.admit(db, m, op); err != nil {
		return nil, name, false, err
	}
	if !i.Unwrapped && neighbour.IsShardingPool(db.Statement.ConnPool) {
		return nil, name, false, errShardingPool
	}
	return m, name, true, nil
}

// BeforeRaw does the same for raw SQL. Statements that GORM has yet to build are reads,
// which pay nothing.
func (i *Interceptor) BeforeRaw(db *gorm.DB) {
	if db.Statement.SQL.Len() == 0 {
		return
	}
	if err := i.migrate(db.Statement.SQL.String()); err != nil {
		_ = db.AddError(err)
		return
	}
	i.Follower.Notice(db.Statement.Context, db.Statement.ConnPool, db.Statement.SQL.String())
	var writes []*table.Model
	if !i.Gate.AllowRaw {
		writes = i.rawWrites(db.Statement.SQL.String())
	}
	if len(writes) == 0 || i.Migrator.Sent() {
		_ = db.AddError(i.settle(db)) // its rows triggers may record
		return
	}
	if err := i.Gate.admitRaw(db, writes); err != nil {
		_ = db.AddError(err)
		return
	}
	i.Follower.Ready(db.Statement.Context, db.Statement.ConnPool)
	i.stand(db, &conn{raw: writes, statement: statement.Statement{Op: statement.Raw, Model: writes[0]}})
}

// BeforeRow is BeforeRaw for Row and Rows. Row returns no error beside the *sql.Row, and
// GORM would hand out a nil one: a refusal has to be inside it.
func (i *Interceptor) BeforeRow(db *gorm.DB) {
	i.BeforeRaw(db)
	if db.Error == nil || neighbour.WantsMany(db) {
		return
	}
	db.Statement.Dest = i.Player.Row(context.WithoutCancel(db.Statement.Context), nil, db.Error)
}

func (i *Interceptor) stand(db *gorm.DB, c *conn) {
	c.i, c.statement.DB, c.original = i, db, db.Statement.ConnPool
	if outer, ok := c.original.(neighbour.StandIn); ok {
		c.original = outer.Original() // a callback beside another statement writes, too
	}
	switch c.original.(type) {
	case gorm.TxCommitter:
		db.Statement.ConnPool = &connTx{c}
	case gorm.ConnPoolBeginner, gorm.TxBeginner:
		db.Statement.ConnPool = connPool{c}
	default:
		db.Statement.ConnPool = c
	}
}

// After puts the statement's own connection back.
func After(db *gorm.DB) {
	if c, ok := db.Statement.ConnPool.(neighbour.StandIn); ok {
		db.Statement.ConnPool = c.Original()
	}
}

// run leads the statement, now that its SQL is final. It runs in a transaction, opened for
// it when there is none: a change and its record must not part.
func (c *conn) run(ctx context.Context, call statement.Call) (statement.Outcome, error) {
	f := c.i.Follower
	if l, ok := f.Seen(c.original); ok {
		return c.runIn(ctx, call, c.original, l)
	}
	if l, ok := f.Unseen(ctx, c.original); ok {
		return c.runIn(ctx, call, c.original, l)
	}
	cp, tx, err := f.Begin(ctx, c.original)
	if err != nil {
		return statement.Outcome{}, err
	}
	defer func() {
		if r := recover(); r != nil {
			_ = tx.Rollback() // the panic is what the caller sees
			panic(r)
		}
	}()
	out, err := c.runIn(ctx, call, cp, tx.Ledger())
	if err != nil {
		_ = tx.Rollback() // likewise the statement's own error
		return out, err
	}
	return out, tx.Commit()
}

func (c *conn) runIn(ctx context.Context, call statement.Call, cp gorm.ConnPool, l *txn.Ledger) (statement.Outcome, error) {
	i, s := c.i, &c.statement
	if s.Model == nil {
		if err := c.resolve(call.Query); err != nil {
			return statement.Outcome{}, err
		}
	}
	*s = statement.Statement{
		Call: call, Ctx: ctx, DB: s.DB, Op: s.Op, Model: s.Model, Name: s.Name,
		Conn: cp, Ledger: l, Dialect: i.Dialect, Tables: i.Tables,
	}
	if s.Model == nil {
		return s.Plain()
	}
	begun := i.Observe.Begin()
	out, err := c.captured(l)
	i.Observe.Captured(ctx, audit.Captured{Operation: string(s.Op), Table: s.Model.Table, Rows: s.Recorded, Err: err}, begun)
	return out, err
}

// captured runs the statement and records what it changed.
func (c *conn) captured(l *txn.Ledger) (statement.Outcome, error) {
	i, s := c.i, &c.statement
	if err := l.Unready(); err != nil && !s.Model.Keep {
		return statement.Outcome{}, err
	}
	if s.Op == statement.Raw {
		return i.rawSQL(s, c.raw)
	}
	s.Quiet = i.Companion
	if reason, skip := audit.SkipFrom(s.Ctx); skip {
		return i.skipped(s, reason)
	}
	if s.Model.Keep {
		return i.keeping(s)
	}
	out, err := capture.Run(i.Images, s)
	if err == nil {
		err = i.record(s)
	}
	if err != nil && s.Wrote {
		// The rows have changed: without their records this must not commit.
		l.Poison(err)
	}
	return out, err
}

// resolve finds out, from the final SQL, what a statement over several tables
// writes. Where that is not one table's UPDATE it is treated as raw SQL.
func (c *conn) resolve(query string) error {
	i, s := c.i, &c.statement
	set, _ := s.DB.Statement.Clauses["SET"].Expression.(clause.Set)
	if name, ok := table.Assigned(set); ok && s.Op == statement.Update {
		m := i.Tables.Model(nil, name.Name)
		if !m.Audited {
			return nil
		}
		s.Model, s.Name = m, name
		return i.Gate.admit(s.DB, m, s.Op)
	}
	if i.Gate.AllowRaw {
		return nil
	}
	writes := i.rawWrites(query)
	if len(writes) == 0 {
		return nil
	}
	s.Op, s.Model, c.raw = statement.Raw, writes[0], writes
	return i.Gate.admitRaw(s.DB, writes)
}

// record hands the statement's records to its transaction.
func (i *Interceptor) record(s *statement.Statement) error {
	s.Recorded = s.Log.Len() // making records empties it
	if s.Recorded > 0 {
		if err := i.Recorder.Record(s, i.about(s)); err != nil {
			return err
		}
	}
	if s.Unseen == 0 || !s.Model.Records(s.Op.Actions()...) {
		return nil
	}
	// What is known of rows that the role may not see is what is known of raw SQL.
	r := i.alone(s)
	r.ID, r.Action = entry.NewID(), audit.Raw
	r.Message = sqltext.Redact(i.Dialect.Name(), s.Query)
	r.Metadata = withRows(r.Metadata, s.Unseen)
	return s.Ledger.Add(s.Ctx, []audit.Record{r}, s.Model.Keep)
}

// alone is what a record of the statement's own table says.
func (i *Interceptor) alone(s *statement.Statement) audit.Record {
	r := i.about(s)
	if r.Tenant == "" && s.Table != nil {
		r.Tenant = s.Table.Tenant
	}
	return r
}

// about is what all records of the statement share.
func (i *Interceptor) about(s *statement.Statement) audit.Record {
	r := i.Origin.Circumstances(s.Ctx)
	r.RecordType, r.Table = s.Model.RecordType, s.Model.Table
	r.TransactionID = s.Ledger.ID
	r.Source = i.Origin.Caller()
	return r
}
