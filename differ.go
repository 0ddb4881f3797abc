package auditplugin

import (
	"fmt"
	"maps"
	"slices"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/internal/change"
	"github.com/gorm-audit/auditplugin/internal/delivery"
	"github.com/gorm-audit/auditplugin/internal/entry"
	"github.com/gorm-audit/auditplugin/internal/fault"
	"github.com/gorm-audit/auditplugin/internal/intercept"
	"github.com/gorm-audit/auditplugin/internal/record"
	"github.com/gorm-audit/auditplugin/internal/statement"
)

// differ makes of what a statement changed what is recorded of it. It decides that once
// for each row, and renders it as the emitters take it: as records, or, where only audit
// tables of ours want them, as entries.
type differ struct {
	record.Differ
	delivery  *delivery.Delivery
	composers record.Composers
}

var _ intercept.Recorder = (*differ)(nil)

// Record hands the records of a statement to its transaction, in parts when they are
// many. about is what they share.
func (d *differ) Record(s *statement.Statement, about audit.Record) error {
	if len(s.Notes) > 0 {
		merged := map[string]any{"auditplugin": s.Notes}
		maps.Copy(merged, about.Metadata)
		about.Metadata = merged
	}
	if columnLimit, ok := d.delivery.WantsEntries(); ok {
		return d.entries(s, &about, columnLimit)
	}
	return d.records(s, &about)
}

func (d *differ) records(s *statement.Statement, about *audit.Record) error {
	causes := audit.CausesFrom(s.Ctx)
	records := make([]audit.Record, 0, min(s.Log.Len(), change.MaxPlain))
	err := s.Log.Each(func(c *change.Change) error {
		var diff record.Difference // its changes become the record's
		ok, err := d.Decide(c, &diff)
		if err != nil {
			return recordError(s, err)
		}
		if ok {
			r := d.Limit.Of(about, &diff)
			if cause := causeOf(causes, c, r.RecordID); cause != "" {
				r.Cause = cause
			}
			records = append(records, r)
		}
		if len(records) < change.MaxPlain {
			return nil
		}
		full := records
		records = records[:0]
		return s.Ledger.Add(s.Ctx, full, s.Model.Keep)
	})
	if err != nil {
		return err
	}
	return s.Ledger.Add(s.Ctx, records, s.Model.Keep)
}

func (d *differ) entries(s *statement.Statement, about *audit.Record, columnLimit int) error {
	n, causes := s.Log.Len(), audit.CausesFrom(s.Ctx)
	c := d.composers.Get(d.Limit, columnLimit, about, n)
	defer d.composers.Put(c)
	c.Entries = slices.Grow(c.Entries, min(n, change.MaxPlain))
	err := s.Log.Each(func(ch *change.Change) error {
		ok, err := d.Decide(ch, &c.Difference)
		if err != nil {
			return recordError(s, err)
		}
		if ok {
			c.Compose()
			if e := &c.Entries[len(c.Entries)-1]; causes != nil {
				if cause := causeOf(causes, ch, e.RecordID); cause != "" {
					e.Cause = entry.Cut(cause, entry.TextLimit)
				}
			}
		}
		if len(c.Entries) < change.MaxPlain {
			return nil
		}
		full := delivery.Batch{Entries: c.Entries}
		c.Entries = c.Entries[:0]
		return s.Ledger.AddBatch(s.Ctx, full, s.Model.Keep)
	})
	if err != nil {
		return err
	}
	return s.Ledger.AddBatch(s.Ctx, delivery.Batch{Entries: c.Entries}, s.Model.Keep)
}

// causeOf is the cause that the application gave for one row's record, or "".
func causeOf(causes func(table, recordID string) string, c *change.Change, recordID string) string {
	if causes == nil || c.Cause != "" {
		return ""
	}
	return causes(c.Table.Name.Name, recordID)
}

func recordError(s *statement.Statement, err error) error {
	return fmt.Errorf("%w: %s: %w", fault.ErrAuditFailed, s, err)
}
