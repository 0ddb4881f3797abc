package delivery

import (
	"context"
	"fmt"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/internal/entry"
	"github.com/gorm-audit/auditplugin/internal/fault"
	"github.com/gorm-audit/auditplugin/internal/neighbour"
)

// Committed is what a transaction has committed, or a part of it.
type Committed struct {
	Transaction string
	// N is how many records.
	N int
	// Back is how many of them, the first, are in the audit table only. They count only
	// where somebody wants records.
	Back int
	// Records are the others, where somebody wants them.
	Records []audit.Record
}

// Committed tells the emitters that do not write in the transaction of what it committed.
// Their errors and panics stay here.
func (d *Delivery) Committed(ctx context.Context, c Committed) {
	if c.N == 0 || !d.Announces() {
		return
	}
	if !d.Keeps() || c.Back == 0 {
		d.announce(context.WithoutCancel(ctx), d.after, c.Transaction, c.Records)
		return
	}
	ctx = context.WithoutCancel(ctx)
	to := d.after
	tell := func(records []audit.Record) error {
		d.announce(entry.ShareEncodings(ctx), to, c.Transaction, records) // for these only
		to = d.others                                                     // who wants no records was told
		return nil
	}
	reader := d.reader()
	if reader == nil {
		d.unread(ctx, c, 0, nil)
		_ = tell(c.Records)
		return
	}
	var n int
	err := fault.Guard(func() (err error) {
		n, err = reader.ReadBack(ctx, d.Outside, c.Transaction, c.Back, tell)
		return err
	})
	if n < c.Back {
		d.unread(ctx, c, n, err)
	}
	if n == 0 || len(c.Records) > 0 {
		_ = tell(c.Records)
	}
}

// unread tells of records that could not be read back.
func (d *Delivery) unread(ctx context.Context, c Committed, n int, err error) {
	d.Failed(c.Back - n)
	d.Report(ctx, fault.Quiet(fmt.Sprintf(
		"auditplugin: transaction %s: %d of its %d records could not be read back%s; they are in the audit table but were not announced. "+
			"From here on records are kept in memory until they are announced", c.Transaction, c.Back-n, c.N, neighbour.Because(err)),
		fault.ErrAuditFailed, err))
}

// announce calls each emitter with the records, or without. Who wants records is not
// called for none.
func (d *Delivery) announce(ctx context.Context, to []audit.Emitter, transaction string, records []audit.Record) {
	for _, e := range to {
		listener, listens := e.(audit.CommitListener)
		if !listens && len(records) == 0 {
			continue
		}
		begun := d.Observe.Begin()
		err := fault.Guard(func() error {
			if listens {
				return listener.Committed(ctx)
			}
			return e.Emit(ctx, records)
		})
		d.Observe.Announced(ctx, e, len(records), begun, err)
		if err != nil {
			d.Failed(len(records))
			d.Report(ctx, fmt.Errorf("auditplugin: emitter %T, %d records of transaction %s: %w", e, len(records), transaction, err))
		}
	}
}

// reader is the table that records can be read back from, or nil.
func (d *Delivery) reader() entry.Reader {
	for _, e := range d.transactional() {
		if r, ok := e.(entry.Reader); ok && r.ReadsBack() {
			return r
		}
	}
	return nil
}

// ReadsBack reports whether records can be had again after the commit.
func (d *Delivery) ReadsBack() bool { return d.reader() != nil }

// Count is how many records of a transaction the audit table has.
func (d *Delivery) Count(ctx context.Context, transaction string) (n int, err error) {
	reader := d.reader()
	if reader == nil {
		return 0, fault.ErrAuditFailed
	}
	err = fault.Guard(func() (err error) {
		n, err = reader.Count(ctx, d.Outside, transaction)
		return err
	})
	return n, err
}
