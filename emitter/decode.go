package emitter

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/gorm-audit/auditplugin/audit"
)

// Scanner is one row of a query: [database/sql.Rows] and [database/sql.Row].
type Scanner interface {
	Scan(dest ...any) error
}

// ReadRecord reads a record from a row that selects [Columns], in that order.
// Values in its maps are what JSON has: numbers are [encoding/json.Number], with
// all their digits; times and bytes are texts.
func ReadRecord(row Scanner) (audit.Record, error) {
	var r audit.Record
	var at any
	var before, after, changed, changes, metadata, source []byte
	err := row.Scan(&r.Seq, &r.ID, &at, &r.Action, &r.Outcome, &r.RecordType, &r.Table, &r.RecordID,
		&before, &after, &changed, &changes, &r.Message, &r.Reason, &r.Actor.ID, &r.Actor.Type, &r.Actor.Name,
		&r.TransactionID, &r.RequestID, &r.IP, &r.UserAgent, &r.TraceID, &r.SpanID, &r.Application, &r.Host,
		&metadata, &source, &r.Cause, &r.SchemaVersion, &r.Tenant, &r.Actor.SessionID,
		&r.Actor.OnBehalfOf.ID, &r.Actor.OnBehalfOf.Type, &r.Actor.OnBehalfOf.Name)
	if err != nil {
		return r, fmt.Errorf("auditplugin: reading a record: %w", err)
	}
	if r.Time, err = readTime(at); err != nil {
		return r, err
	}
	for _, part := range []struct {
		column string
		text   []byte
		into   any
	}{
		{"before", before, &r.Before},
		{"after", after, &r.After},
		{"changed", changed, &r.Changed},
		{"changes", changes, &r.Changes},
		{"metadata", metadata, &r.Metadata},
		{"source", source, &r.Source},
	} {
		if len(part.text) == 0 {
			continue
		}
		d := json.NewDecoder(strings.NewReader(string(part.text)))
		d.UseNumber()
		if err := d.Decode(part.into); err != nil {
			// The decoder's text quotes what it read.
			return r, fmt.Errorf("auditplugin: record with seq %d: column %s is not what this version writes", r.Seq, part.column)
		}
	}
	return r, nil
}

// readTime reads what drivers return for occurred_at. Times without a zone, as
// MySQL's are, are UTC.
func readTime(v any) (time.Time, error) {
	var text string
	switch v := v.(type) {
	case time.Time:
		return v.UTC(), nil
	case string:
		text = v
	case []byte:
		text = string(v)
	default:
		return time.Time{}, fmt.Errorf("auditplugin: occurred_at was read as %T", v)
	}
	for _, layout := range []string{"2006-01-02 15:04:05.999999999Z07:00", "2006-01-02 15:04:05.999999999-07:00", "2006-01-02 15:04:05.999999999", time.RFC3339Nano} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("auditplugin: occurred_at is not a time")
}
