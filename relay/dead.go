package relay

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/emitter"
	"github.com/gorm-audit/auditplugin/internal/dialect"
	"github.com/gorm-audit/auditplugin/internal/entry"
	"github.com/gorm-audit/auditplugin/internal/owntable"
)

// DeadLetter is a record that a subscriber did not accept.
type DeadLetter struct {
	// ID names the dead letter, for Replay and Discard.
	ID int64
	// Record is the record as it was read. It has no more than Seq and ID if it could
	// not be read.
	Record audit.Record
	// Error is what the sink said last. It may quote the record.
	Error string
	// Attempts is how often the record was tried, alone or with its transaction.
	Attempts int
	// FailedAt is when it was tried last, by the database's clock.
	FailedAt time.Time
	// Replaying says that Replay was called and the record not tried yet.
	Replaying bool
}

// The states of a dead letter.
const (
	stateDead   = "dead"
	stateReplay = "replay"
)

// letter is a dead letter in the store's form.
type letter struct {
	id       int64
	record   audit.Record
	raw      string // as stored; "" if it could not be read or written
	err      string
	attempts int
}

func newLetter(r audit.Record, cause error, attempts int) letter {
	l := letter{record: r, err: errorText(cause), attempts: attempts}
	if !errors.Is(cause, ErrUnreadable) {
		l.raw = string(emitter.RecordJSON(r))
	}
	return l
}

// errorText makes an error's text fit for a column.
func errorText(err error) string {
	text := entry.Repair(err.Error())
	if text == "" {
		text = "error without a text"
	}
	if runes := []rune(text); len(runes) > 2000 {
		text = string(runes[:2000]) + "…"
	}
	return text
}

// decodeRecord reads what newLetter wrote, with all digits of numbers.
func decodeRecord(text string) (audit.Record, error) {
	var r audit.Record
	d := json.NewDecoder(bytes.NewReader([]byte(text)))
	d.UseNumber()
	err := d.Decode(&r)
	return r, err
}

func (s *store) saveLetters(ctx context.Context, tx audit.Conn, g progress) error {
	table := s.tables.dead.Quoted(s.dialect)
	for _, l := range g.dead {
		if _, err := s.exec(ctx, tx, "INSERT INTO "+table+" (subscriber, state, seq, record_id, record, error, attempts, failed_at) VALUES (?, ?, ?, ?, ?, ?, ?, "+s.nowSQL()+")",
			g.name, stateDead, l.record.Seq, l.record.ID, l.raw, l.err, l.attempts); err != nil {
			return err
		}
	}
	for _, id := range g.revived {
		if _, err := s.exec(ctx, tx, "DELETE FROM "+table+" WHERE id = ?", id); err != nil {
			return err
		}
	}
	for _, l := range g.failedIDs {
		if _, err := s.exec(ctx, tx, "UPDATE "+table+" SET state = ?, error = ?, attempts = attempts + 1, failed_at = "+s.nowSQL()+" WHERE id = ?",
			stateDead, l.err, l.id); err != nil {
			return err
		}
	}
	return nil
}

// letters lists a subscriber's dead letters with ids above after.
func (s *store) letters(ctx context.Context, name, state string, after int64, limit int) ([]DeadLetter, error) {
	query := "SELECT id, state, seq, record_id, record, error, attempts, failed_at FROM " + s.tables.dead.Quoted(s.dialect) + " WHERE subscriber = ? AND id > ?"
	args := []any{name, after}
	if state != "" {
		query += " AND state = ?"
		args = append(args, state)
	}
	var all []DeadLetter
	err := owntable.Each(ctx, s.db, func(row *sql.Rows) error {
		var l DeadLetter
		var state, recordID, raw string
		var seq, at int64
		err := row.Scan(&l.ID, &state, &seq, &recordID, &raw, &l.Error, &l.Attempts, &at)
		if err != nil {
			return err
		}
		if l.Record, err = decodeRecord(raw); err != nil {
			l.Record = audit.Record{ID: recordID, Seq: seq}
		}
		l.FailedAt = time.UnixMicro(at).UTC()
		l.Replaying = state == stateReplay
		all = append(all, l)
		return nil
	}, dialect.Placeholders(s.dialect, query+fmt.Sprintf(" ORDER BY id LIMIT %d", limit)), args...)
	return all, failed(deadLettersOf(name), err)
}

// audited reads a record from the audit table again.
func (s *store) audited(ctx context.Context, seq int64) (audit.Record, error) {
	b, err := s.read(ctx, position{high: seq - 1}, 1)
	if err != nil {
		return audit.Record{}, err
	}
	if len(b.records) == 0 || b.records[0].Seq != seq {
		return audit.Record{}, fmt.Errorf("%w: it is no longer in the audit table", ErrUnreadable)
	}
	return b.records[0], b.unreadable[seq]
}

// change sets or removes the dead letters with the given ids and returns how many
// there were.
func (s *store) change(ctx context.Context, name, query string, args []any, ids []int64) (int, error) {
	count := 0
	err := owntable.InTx(ctx, s.db, func(tx *sql.Tx) error {
		for _, id := range ids {
			n, err := s.exec(ctx, tx, query, append(append([]any{}, args...), name, id)...)
			if err != nil {
				return err
			}
			count += int(n)
		}
		return nil
	})
	if err != nil {
		return 0, failed(deadLettersOf(name), err)
	}
	return count, nil
}

func deadLettersOf(name string) string { return fmt.Sprintf("dead letters of %q", name) }
