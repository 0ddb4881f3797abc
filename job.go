package auditplugin

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/internal/catalog"
	"github.com/gorm-audit/auditplugin/internal/replay"
	"github.com/gorm-audit/auditplugin/internal/sqltext"
)

// call is what GORM asked of the connection.
type call struct {
	query    string
	args     []any
	wantRows bool
}

// outcome is what GORM gets back: one of the two.
type outcome struct {
	result sql.Result
	rows   *replay.Set
}

// job is one statement of the application, being captured.
type job struct {
	*armed
	call
	ctx   context.Context
	user  gorm.ConnPool // what the application's own statement runs on
	state *state
	t     *target
	notes map[string]any // metadata that qualifies the images
	log   changelog
	wrote bool // the application's statement has succeeded
	// target is what ON CONFLICT names.
	target []string
	hex    bool // images are read in the form of upsertMySQL
}

// change is one row's change.
type change struct {
	t             *target
	before, after image // nil where there was none
	cause         string
	id            string // of its record, once others may refer to it
}

// result is the sql.Result of a statement that was run as a query.
type result struct {
	affected, lastID int64
	lastErr          error
}

func (r result) LastInsertId() (int64, error) { return r.lastID, r.lastErr }
func (r result) RowsAffected() (int64, error) { return r.affected, nil }

// run captures the statement and hands its records to the transaction.
func (j *job) run() (outcome, error) {
	if j.model.keep {
		return j.runLenient()
	}
	out, err := j.capture()
	if err != nil {
		out, err = j.again(out, err)
	}
	if err != nil {
		if j.wrote {
			// The rows have changed: without their records this must not commit.
			j.state.poisonWith(err)
		}
		return out, err
	}
	if err := j.record(); err != nil {
		j.state.poisonWith(err)
		return out, err
	}
	return out, nil
}

// runLenient keeps the write when it can not be captured: it is undone to a
// savepoint and made again, as the application asked for it.
func (j *job) runLenient() (outcome, error) {
	const point = "auditplugin_keep"
	if _, err := j.state.conn.ExecContext(j.ctx, "SAVEPOINT "+point); err != nil {
		return j.plain()
	}
	// Records of the statement may be written before the last of them is made.
	mark := sqltext.Statement{Kind: sqltext.Savepoint, Name: point}
	j.state.point((*state).setPoint, mark)
	defer j.state.point((*state).release, mark)
	out, err := j.capture()
	if err == nil {
		err = j.record()
	}
	if err != nil {
		if _, rerr := j.state.conn.ExecContext(j.ctx, "ROLLBACK TO SAVEPOINT "+point); rerr != nil {
			return out, err
		}
		j.state.point((*state).rollbackTo, mark)
		j.log = changelog{}
		var perr error
		if out, perr = j.plain(); perr != nil {
			return out, perr
		}
		j.state.mu.Lock()
		j.p.lost(j.ctx, j.state, j.describe(audit.Action(j.op)), 1, err)
		j.state.mu.Unlock()
	}
	_, err = j.state.conn.ExecContext(j.ctx, "RELEASE SAVEPOINT "+point)
	return out, err
}

func (j *job) capture() (outcome, error) {
	var err error
	if err = j.lockBeforeCatalog(); err != nil {
		return outcome{}, err
	}
	if j.t, err = j.p.targetFor(j.ctx, j.state, j.model, j.ref); err != nil {
		if sqlState(err) == pgInFailedTransaction {
			return j.plain() // nothing can run: it will fail as it would have
		}
		j.state.failed(err)
		if done := j.ctx.Err(); done != nil {
			return outcome{}, done // in the words of database/sql
		}
		return outcome{}, j.auditError(err)
	}
	if j.t.tbl.Kind == catalog.Missing && j.p.server.Dialect != "mysql" {
		return j.plain() // it will fail, in the database's own words
	}
	switch {
	case j.t.blind && j.op == opCreate:
		return j.createUnread()
	case j.t.blind:
		return j.unread()
	case j.op == opCreate:
		return j.create()
	case j.op == opUpdate || isUpdate(j.query):
		return j.update()
	default:
		return j.delete()
	}
}

// plain runs the statement as it is.
func (j *job) plain() (outcome, error) {
	if j.wantRows {
		set, err := j.queryUser(j.query, j.args, 0)
		return outcome{rows: set}, err
	}
	return j.execUser(j.query, j.args)
}

// execUser runs a statement of the application on the connection it chose.
func (j *job) execUser(query string, args []any) (outcome, error) {
	res, ok, err := j.execDirectly(query, args)
	if !ok {
		res, err = j.user.ExecContext(j.ctx, query, args...)
	}
	if err != nil {
		j.state.failed(err)
		return outcome{}, err
	}
	j.wrote = true
	return outcome{result: res}, nil
}

// queryUser runs a statement of the application, perhaps with more to return, on
// the connection the application chose. With an error come the rows before it. The
// last columns, as many as ours says, are not the application's.
func (j *job) queryUser(query string, args []any, ours int) (*replay.Set, error) {
	var set *replay.Set
	ok, err := j.directly(query, args, func(rows driver.Rows) (err error) {
		set, err = replay.ReadDriver(rows, ours)
		return err
	})
	if !ok {
		rows, qerr := j.user.QueryContext(j.ctx, query, args...) //nolint:rowserrcheck // replay.Read checks it
		if err = qerr; err == nil {
			set, err = replay.Read(rows)
		}
	}
	if err != nil {
		j.state.failed(err)
		return set, err
	}
	j.wrote = true
	return set, nil
}

// queryAdded is queryUser for a statement to which we added columns: what the
// application asked for, and what we did.
func (j *job) queryAdded(query string, args []any, ours int) (*replay.Set, [][]any, error) {
	set, err := j.queryUser(query, args, ours)
	if err != nil {
		return set, nil, err
	}
	theirs, added := split(set, ours)
	return theirs, added, nil
}

// streamUser is queryAdded for a statement of which the application wants no rows:
// f is called with each, whose width columns are in a slice that is used again.
func (j *job) streamUser(query string, args []any, width int, f func(raw []any) error) error {
	ok, err := j.directly(query, args, func(rows driver.Rows) error { return j.state.direct.read(j.ctx, rows, width, f) })
	if !ok {
		rows, qerr := j.user.QueryContext(j.ctx, query, args...) //nolint:rowserrcheck // replay.Each checks it
		if err = qerr; err == nil {
			err = replay.Each(rows, f)
		}
	}
	if err != nil {
		j.state.failed(err)
		return err
	}
	j.wrote = true
	return nil
}

// stream is read, row by row. width is how many columns there are, 0 if unknown.
func (j *job) stream(query string, args []any, width int, f func(raw []any) error) error {
	ok, err := j.state.direct.each(j.ctx, query, args, width, f)
	if !ok {
		rows, qerr := j.state.conn.QueryContext(j.ctx, query, args...) //nolint:rowserrcheck // replay.Each checks it
		if err = qerr; err == nil {
			err = replay.Each(rows, f)
		}
	}
	if err != nil {
		j.state.failed(err)
		return j.auditError(err)
	}
	return nil
}

// execDirectly is directly for a statement without rows. Only on MySQL is there
// something to gain: the round trip that prepares it, when it comes again.
func (j *job) execDirectly(query string, args []any) (res sql.Result, ok bool, err error) {
	if j.p.server.Dialect != "mysql" || !j.direct(query) {
		return nil, false, nil
	}
	return j.state.direct.exec(j.ctx, query, args, false)
}

// directly runs a statement of the application on the driver's connection, where that
// does just what its transaction would. ok is false when nothing has been done. Whoever
// asked GORM for prepared statements gets them.
func (j *job) directly(query string, args []any, f func(driver.Rows) error) (ok bool, err error) {
	if !j.direct(query) {
		return false, nil
	}
	return j.state.direct.query(j.ctx, query, args, false, f)
}

// direct reports whether nobody but the transaction is between the application's
// statement and the driver, and it need not notice the statement.
func (j *job) direct(query string) bool {
	_, plain := j.user.(*transaction)
	return plain && j.state.direct != nil && !j.p.noteworthy(query)
}

// read runs a statement of ours. It goes around the prepared statements of the
// application.
func (j *job) read(query string, args []any) ([][]any, error) {
	var values [][]any
	err := j.stream(query, args, 0, func(raw []any) error {
		values = append(values, replay.Clone(raw))
		return nil
	})
	return values, err
}

// auditError says which write could not be audited, without the driver's words.
// Errors of the transaction itself (locks, deadlocks, cancelled contexts) and of
// the application's own SQL are ones it would have met: they pass unchanged.
func (j *job) auditError(err error) error {
	if j.ctx.Err() != nil || isTransactionError(j.p.server.Dialect, err) || isOwnMistake(j.p.server.Dialect, err) {
		return err
	}
	return &quietError{
		text:  fmt.Sprintf("%v: %s of %s (table %s): its images could not be read", ErrAuditFailed, j.op, j.model.recordType, j.ref.name),
		kinds: []error{ErrAuditFailed, err},
	}
}

func (j *job) note(key string, value any) {
	if j.notes == nil {
		j.notes = map[string]any{}
	}
	j.notes[key] = value
}

func (j *job) changed(t *target, before, after image) *change {
	c := j.log.add(change{t: t, before: before, after: after})
	if before != nil {
		j.log.name() // the records of other rows may follow from this one
	}
	return c
}

// isTransactionError reports whether err belongs to the transaction rather than to
// the statement of ours that happened to meet it.
func isTransactionError(dialect string, err error) bool {
	if errors.Is(err, sql.ErrTxDone) || errors.Is(err, sql.ErrConnDone) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return true
	}
	switch dialect {
	case "postgres":
		switch state := sqlState(err); {
		case len(state) < 2:
			return false
		case state[:2] == "40", state[:2] == "08", state[:2] == "57", state[:2] == "25", state == "55P03":
			return true
		}
	case "mysql":
		switch mysqlErrorNumber(err) {
		case mysqlDeadlock, 1205, 1020, 3572:
			return true
		}
	case "sqlite":
		return isSQLiteBusy(err)
	}
	return false
}
