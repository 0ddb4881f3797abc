package emitter

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/internal/entry"
	"github.com/gorm-audit/auditplugin/internal/neighbour"
	"github.com/gorm-audit/auditplugin/internal/owntable"
)

// insert writes records through conn.
func (s *store) insert(ctx context.Context, conn audit.Conn, records []audit.Record) error {
	c := entry.Converter{Limit: s.limits.column}
	entries := make([]entry.Entry, 0, min(len(records), s.limits.rows))
	size := 0
	for i := range records {
		e := c.Entry(&records[i], entry.EncodeImages(ctx, c.Encoder(), &records[i]))
		n := e.Size()
		if len(entries) > 0 && (len(entries) == s.limits.rows || size+n > s.limits.bytes) {
			if err := s.write(ctx, conn, entries); err != nil {
				return err
			}
			entries, size = entries[:0], 0
		}
		entries = append(entries, e)
		size += n
	}
	return s.write(ctx, conn, entries)
}

// write writes entries through conn, by as few statements as the limits allow.
func (s *store) write(ctx context.Context, conn audit.Conn, entries []entry.Entry) error {
	shared, ok := s.boxes.Get().(*boxes)
	if !ok {
		shared = new(boxes)
	}
	defer s.boxes.Put(shared)
	for len(entries) > 0 {
		fit, size := 0, 0
		for fit < len(entries) {
			n := entries[fit].Size()
			if fit > 0 && (fit == s.limits.rows || size+n > s.limits.bytes) {
				break
			}
			size += n
			fit++
		}
		for todo := entries[:fit]; len(todo) > 0; {
			n := s.insertQ.chunk(len(todo))
			query, args := s.insertQ.statement(todo[:n], shared)
			if _, err := conn.ExecContext(ctx, query, args...); err != nil {
				return &WriteError{Table: s.table.Name, Records: n, Err: err}
			}
			todo = todo[n:]
		}
		entries = entries[fit:]
	}
	return nil
}

// insertAlone writes records in a transaction of their own.
func (s *store) insertAlone(ctx context.Context, records []audit.Record) error {
	if len(records) == 0 {
		return nil
	}
	err := owntable.InTx(ctx, s.db, func(tx *sql.Tx) error { return s.insert(ctx, tx, records) })
	var told *WriteError
	if err == nil || errors.As(err, &told) {
		return err
	}
	return &WriteError{Table: s.table.Name, Records: len(records), Err: err}
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

// Error says what failed, and the SQLSTATE or the number of the driver's error.
func (e *WriteError) Error() string {
	text := fmt.Sprintf("auditplugin: writing %d records to %s failed", e.Records, e.Table)
	return text + neighbour.Because(e.Err)
}

// Unwrap returns the driver's error.
func (e *WriteError) Unwrap() error { return e.Err }
