package delivery

import (
	"context"
	"fmt"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/internal/fault"
	"github.com/gorm-audit/auditplugin/internal/neighbour"
	"github.com/gorm-audit/auditplugin/internal/observe"
)

// Announce is Committed for records at hand.
func (d *Delivery) Announce(ctx context.Context, records []audit.Record) {
	if len(records) > 0 {
		d.Committed(ctx, Committed{Transaction: records[0].TransactionID, N: len(records), Records: records})
	}
}

// Event writes an event of the application outside a transaction, on conn. Nobody hears of
// one that could not be written.
func (d *Delivery) Event(ctx context.Context, conn audit.Conn, r audit.Record) error {
	records := []audit.Record{r}
	d.Ready(ctx)
	if err := d.Unready(); err != nil {
		return err
	}
	for _, e := range d.transactional() {
		if err := fault.Guard(func() error { return e.EmitTx(ctx, conn, records) }); err != nil {
			return fault.Quiet(fmt.Sprintf("%v: event could not be written%s", fault.ErrAuditFailed, neighbour.Because(err)), fault.ErrAuditFailed, err)
		}
	}
	d.Made(1)
	d.recorded(ctx, records)
	d.Announce(ctx, records)
	return nil
}

// EmitOutside writes records that belong to no transaction of the application.
func (d *Delivery) EmitOutside(ctx context.Context, records ...audit.Record) {
	if len(records) == 0 {
		return
	}
	ctx = context.WithoutCancel(ctx)
	d.Ready(ctx)
	lost := d.Unready()
	if lost != nil {
		d.Failed(len(records))
		d.Report(ctx, lost)
	}
	for _, e := range d.transactional() {
		if err := fault.Guard(func() error { return e.EmitTx(ctx, d.Outside, records) }); err != nil {
			lost = err
			d.Failed(len(records))
			d.Report(ctx, fault.Quiet(fmt.Sprintf("auditplugin: emitter %T: %d event records could not be written%s", e, len(records), neighbour.Because(err)), fault.ErrAuditFailed, err))
		}
	}
	if lost == nil {
		d.recorded(ctx, records)
	} else {
		d.Observe.Lost(ctx, len(records), lost)
	}
	d.Announce(ctx, records)
}

// recorded tells the observers of records outside a transaction.
func (d *Delivery) recorded(ctx context.Context, records []audit.Record) {
	if d.Observe == nil {
		return
	}
	var t *observe.Tally
	for i := range records {
		r := &records[i]
		t = d.Observe.Add(t, r.ID, r.Action, r.Table)
	}
	d.Observe.Committed(ctx, records[0].TransactionID, t)
}

// Lost tells of n records that a lenient policy let go, of which first is the first. It
// returns the event that says so.
func (d *Delivery) Lost(ctx context.Context, first audit.Record, n int, cause error) audit.Record {
	d.Failed(n)
	d.Observe.Lost(ctx, n, cause)
	d.Report(ctx, fault.Quiet(
		fmt.Sprintf("%v: %s %s: %d records lost, the write was kept%s", fault.ErrAuditFailed, first.RecordType, first.Action, n, neighbour.Because(cause)),
		fault.ErrAuditFailed, cause))
	event := d.Origin.Event(ctx, first, audit.Failure, fmt.Sprintf("%d records lost", n))
	event.Metadata["lost"] = n
	return event
}

// Report tells the application of an error that has no caller to return to.
func (d *Delivery) Report(ctx context.Context, err error) {
	if d.OnError != nil {
		if perr := fault.Guard(func() error { d.OnError(ctx, err); return nil }); perr == nil {
			return
		}
	}
	d.Logger().ErrorContext(ctx, "audit failed", "error", err.Error())
}
