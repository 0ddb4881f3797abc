package emitter

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/google/uuid"

	"github.com/gorm-audit/auditplugin/audit"
)

// insert writes records through conn, by as few statements as the limits allow.
func (s *store) insert(ctx context.Context, conn audit.Conn, records []audit.Record) error {
	var enc encoder
	batch := s.insertQ.batch()
	rows, size := 0, 0
	flush := func() error {
		if rows == 0 {
			return nil
		}
		query, args := batch.statement()
		if _, err := conn.ExecContext(ctx, query, args...); err != nil {
			return &WriteError{Table: s.table.name, Records: rows, Err: err}
		}
		batch.reset()
		rows, size = 0, 0
		return nil
	}
	for i := range records {
		r := s.row(ctx, &enc, &records[i])
		n := r.size()
		if rows > 0 && (rows == s.limits.rows || size+n > s.limits.bytes) {
			if err := flush(); err != nil {
				return err
			}
		}
		batch.add(&r)
		rows, size = rows+1, size+n
	}
	return flush()
}

// insertAlone writes records in a transaction of their own.
func (s *store) insertAlone(ctx context.Context, records []audit.Record) error {
	if len(records) == 0 {
		return nil
	}
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return &WriteError{Table: s.table.name, Records: len(records), Err: err}
	}
	defer func() { _ = tx.Rollback() }() // after Commit it does nothing
	if err := s.insert(ctx, tx, records); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return &WriteError{Table: s.table.name, Records: len(records), Err: err}
	}
	return nil
}

// WriteError is an INSERT into the audit table that failed. Its text does not
// quote the driver's, which may quote values; [errors.As] finds the driver's
// error.
type WriteError struct {
	// Table is the audit table's name.
	Table string
	// Records is how many records the failed statement held.
	Records int
	// Err is the driver's error.
	Err error
}

// Error says what failed, and the SQLSTATE if the driver tells.
func (e *WriteError) Error() string {
	text := fmt.Sprintf("auditplugin: writing %d records to %s failed", e.Records, e.Table)
	var state interface{ SQLState() string }
	switch {
	case errors.As(e.Err, &state):
		text += " (SQLSTATE " + cut(state.SQLState(), 5) + ")"
	case errors.Is(e.Err, context.Canceled):
		text += ": " + context.Canceled.Error()
	case errors.Is(e.Err, context.DeadlineExceeded):
		text += ": " + context.DeadlineExceeded.Error()
	case errors.Is(e.Err, sql.ErrTxDone):
		text += ": " + sql.ErrTxDone.Error()
	}
	return text
}

// Unwrap returns the driver's error.
func (e *WriteError) Unwrap() error { return e.Err }

// insertedColumns is how many columns an INSERT names: all but seq.
const insertedColumns = 28

// row is a record as the table stores it: texts in the order of the columns from
// id on. The time and the version are texts too, and have their own fields for
// dialects that must be given values.
type row struct {
	text    [insertedColumns]string
	null    [insertedColumns]bool
	time    time.Time
	version int
}

func (r *row) size() int {
	n := 0
	for i := range r.text {
		n += len(r.text[i]) + 2
	}
	return n
}

// The places of the columns that are not text.
const (
	timeAt    = 1
	versionAt = insertedColumns - 1
)

func (s *store) row(ctx context.Context, enc *encoder, r *audit.Record) row {
	img := enc.encodeImages(ctx, r)
	if len(img.before) > s.limits.column {
		img.before = enc.encodeObject(r.Before, s.limits.column)
	}
	if len(img.after) > s.limits.column {
		img.after = enc.encodeObject(r.After, s.limits.column)
	}
	out := row{time: usableTime(r.Time), version: min(max(r.SchemaVersion, 0), math.MaxInt32)}
	id := r.ID
	if id == "" {
		id = newID()
	}
	out.text = [...]string{
		cut(id, textLimit),
		"",
		cut(string(r.Action), textLimit),
		cut(string(r.Outcome), textLimit),
		cut(r.RecordType, textLimit),
		cut(r.Table, textLimit),
		cut(r.RecordID, textLimit),
		img.before,
		img.after,
		enc.encodeNames(r.Changed, s.limits.column),
		enc.encodeChanges(r.Changes, s.limits.column),
		cut(r.Message, longTextLimit),
		cut(r.Reason, longTextLimit),
		cut(r.Actor.ID, textLimit),
		cut(r.Actor.Type, textLimit),
		cut(r.Actor.Name, textLimit),
		cut(r.TransactionID, textLimit),
		cut(r.RequestID, textLimit),
		cut(r.IP, textLimit),
		cut(r.UserAgent, wideTextLimit),
		cut(r.TraceID, textLimit),
		cut(r.SpanID, textLimit),
		cut(r.Application, textLimit),
		cut(r.Host, textLimit),
		enc.encodeObject(r.Metadata, min(maxMetadata, s.limits.column)),
		enc.encodeSource(r.Source),
		cut(r.Cause, textLimit),
		"",
	}
	for _, i := range [...]int{7, 8, 9, 10, 24, 25} { // the JSON columns
		out.null[i] = out.text[i] == ""
	}
	return out
}

// usableTime returns t in UTC, or now for one that a database, or RFC 3339,
// could not write.
func usableTime(t time.Time) time.Time {
	t = t.UTC()
	if y := t.Year(); y < 1000 || y > 9999 {
		return time.Now().UTC()
	}
	return t
}

func newID() string {
	if id, err := uuid.NewV7(); err == nil {
		return id.String()
	}
	return uuid.NewString()
}
