package auditplugin

import (
	"context"
	"fmt"

	"github.com/gorm-audit/auditplugin/audit"
)

// announce hands the records of a committed transaction to the emitters that do
// not write in it. Their errors and panics stay here.
func (p *Plugin) announce(ctx context.Context, records []audit.Record) {
	if len(records) == 0 || len(p.others) == 0 {
		return
	}
	ctx = context.WithoutCancel(ctx)
	for _, e := range p.others {
		if err := safely(func() error { return e.Emit(ctx, records) }); err != nil {
			p.stats.failed.Add(uint64(len(records)))
			p.report(ctx, fmt.Errorf("auditplugin: emitter %T, %d records of transaction %s: %w", e, len(records), records[0].TransactionID, err))
		}
	}
}

// emitOutside writes records that belong to no transaction of the application.
func (p *Plugin) emitOutside(ctx context.Context, records []audit.Record) {
	if len(records) == 0 {
		return
	}
	ctx = context.WithoutCancel(ctx)
	for _, e := range p.transactional {
		if err := safely(func() error { return e.EmitTx(ctx, p.outsideConn, records) }); err != nil {
			p.stats.failed.Add(uint64(len(records)))
			p.report(ctx, &quietError{text: fmt.Sprintf("auditplugin: emitter %T: %d event records could not be written", e, len(records)), kinds: []error{ErrAuditFailed, err}})
		}
	}
	p.announce(ctx, records)
}

// lost tells of n records that a lenient policy let go.
func (p *Plugin) lost(ctx context.Context, s *state, first audit.Record, n int, cause error) {
	p.stats.failed.Add(uint64(n))
	err := &quietError{
		text:  fmt.Sprintf("%v: %s %s: %d records lost, the write was kept", ErrAuditFailed, first.RecordType, first.Action, n),
		kinds: []error{ErrAuditFailed, cause},
	}
	p.report(ctx, err)
	event := p.eventFor(ctx, first, audit.Failure, fmt.Sprintf("%d records lost", n))
	event.Metadata["lost"] = n
	s.outside = append(s.outside, event)
}

// report tells the application of an error that has no caller to return to.
func (p *Plugin) report(ctx context.Context, err error) {
	if p.cfg.onError != nil {
		if perr := safely(func() error { p.cfg.onError(ctx, err); return nil }); perr == nil {
			return
		}
	}
	p.logger().ErrorContext(ctx, "audit failed", "error", err.Error())
}
