package emitter

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"reflect"
	"time"

	"github.com/google/uuid"

	"github.com/gorm-audit/auditplugin/audit"
)

// insert writes records through conn, by as few statements as the limits allow.
func (s *store) insert(ctx context.Context, conn audit.Conn, records []audit.Record) error {
	var enc encoder
	rows := make([]row, 0, min(len(records), s.limits.rows))
	size := 0
	flush := func() error {
		for todo := rows; len(todo) > 0; {
			n := s.insertQ.chunk(len(todo))
			query, args := s.insertQ.statement(todo[:n])
			if _, err := conn.ExecContext(ctx, query, args...); err != nil {
				return &WriteError{Table: s.table.name, Records: n, Err: err}
			}
			todo = todo[n:]
		}
		rows, size = rows[:0], 0
		return nil
	}
	for i := range records {
		var like *row
		var before *audit.Record
		if i > 0 && len(rows) > 0 {
			like, before = &rows[len(rows)-1], &records[i-1]
		}
		r := s.row(ctx, &enc, &records[i], like, before)
		n := r.size()
		if len(rows) > 0 && (len(rows) == s.limits.rows || size+n > s.limits.bytes) {
			if err := flush(); err != nil {
				return err
			}
		}
		rows = append(rows, r)
		size += n
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

// The places of some columns; the time and the version are not text.
const (
	timeAt     = 1
	metadataAt = 24
	sourceAt   = 25
	versionAt  = insertedColumns - 1
)

// sameMap reports whether a and b are one map, or both empty.
func sameMap(a, b map[string]any) bool {
	return len(a) == 0 && len(b) == 0 || reflect.ValueOf(a).Pointer() == reflect.ValueOf(b).Pointer()
}

// row encodes a record. Of the record before it, if there is one, it takes over
// what is the same.
func (s *store) row(ctx context.Context, enc *encoder, r *audit.Record, like *row, before *audit.Record) row {
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
		"",
		"",
		cut(r.Cause, textLimit),
		"",
	}
	if like != nil && sameMap(r.Metadata, before.Metadata) {
		out.text[metadataAt] = like.text[metadataAt]
	} else {
		out.text[metadataAt] = enc.encodeObject(r.Metadata, min(maxMetadata, s.limits.column))
	}
	if like != nil && r.Source == before.Source {
		out.text[sourceAt] = like.text[sourceAt]
	} else {
		out.text[sourceAt] = enc.encodeSource(r.Source)
	}
	for _, i := range [...]int{7, 8, 9, 10, metadataAt, sourceAt} { // the JSON columns
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
