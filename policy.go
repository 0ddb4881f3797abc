package auditplugin

import (
	"context"
	"fmt"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/audit"
)

// admit decides whether a write may go ahead at all.
func (p *Plugin) admit(db *gorm.DB, m *model, op operation) error {
	ctx := db.Statement.Context
	if p.closed.Load() {
		return fmt.Errorf("%w: %s of %s refused", ErrClosed, op, m.recordType)
	}
	if m.err != nil {
		return m.err
	}
	if reason, skip := audit.SkipFrom(ctx); skip {
		if reason == "" {
			return p.refuse(db, m, op, ErrReasonRequired, "audit.Skip was given no reason")
		}
		return nil
	}
	if m.require&audit.RequireReason != 0 && audit.ReasonFrom(ctx) == "" {
		return p.refuse(db, m, op, ErrReasonRequired, "the context gives no reason; use audit.WithReason")
	}
	if p.actor(ctx).IsZero() {
		if m.require&audit.RequireActor != 0 {
			return p.refuse(db, m, op, ErrActorRequired, "the context names no actor; use audit.WithActor or WithActorFunc")
		}
		p.warnNoActor(ctx, m, op)
	}
	return nil
}

// refuse explains why a write is refused, and leaves an event that outlives the
// rollback to come.
func (p *Plugin) refuse(db *gorm.DB, m *model, op operation, kind error, why string) error {
	ctx := db.Statement.Context
	r := p.describe(ctx)
	r.RecordType, r.Table, r.Action = m.recordType, m.table, audit.Action(op)
	r.Source = p.sources.caller()
	event := p.eventFor(ctx, r, audit.Failure, fmt.Sprintf("%s of %s refused: %s", op, m.recordType, why))
	p.emitAfter(ctx, db.Statement.ConnPool, event)
	return fmt.Errorf("%w: %s of %s (table %s): %s", kind, op, m.recordType, m.table, why)
}

// emitAfter writes an event that must survive: after the transaction when there is
// one, at once otherwise.
func (p *Plugin) emitAfter(ctx context.Context, cp gorm.ConnPool, event audit.Record) {
	if tx, ok := asTransaction(cp); ok {
		event.TransactionID = tx.state.id
		tx.state.later(ctx, event)
		return
	}
	if raw, ok := bareTx(cp); ok {
		// Another connection may not be had while this one is in use.
		if s := p.bare.state(ctx, p, raw); s.unsettled {
			s.later(ctx, event)
		} else {
			p.announce(ctx, []audit.Record{event})
		}
		return
	}
	p.emitOutside(ctx, []audit.Record{event})
}

// warnNoActor says once per line of the application that nobody is named.
func (p *Plugin) warnNoActor(ctx context.Context, m *model, op operation) {
	source := p.sources.caller()
	if _, again := p.warned.LoadOrStore(source, struct{}{}); again {
		return
	}
	p.logger().WarnContext(ctx, "audited write without an actor",
		"model", m.recordType, "action", string(op), "file", source.File, "line", source.Line)
}

// eventFor makes an event about the write that r describes.
func (p *Plugin) eventFor(ctx context.Context, r audit.Record, outcome audit.Outcome, message string) audit.Record {
	event := p.describe(ctx)
	event.Action, event.Outcome, event.Message = audit.Event, outcome, message
	event.RecordType, event.Table, event.RecordID = r.RecordType, r.Table, r.RecordID
	event.TransactionID, event.Source = r.TransactionID, r.Source
	event.Metadata = map[string]any{"refused_action": string(r.Action)}
	return event
}

// runSkipped runs a statement that the application asked not to record, and leaves
// one event that says so.
func (a *armed) runSkipped(ctx context.Context, c call, cp gorm.ConnPool, s *state, reason string) (outcome, error) {
	j := &job{armed: a, ctx: ctx, call: c, user: cp, state: s}
	out, err := j.plain()
	if err != nil {
		return out, err
	}
	n := out.affected()
	if n == 0 {
		return out, nil
	}
	r := j.describe(audit.Event)
	r.Message = fmt.Sprintf("%s of %s not recorded: %d rows", a.op, a.model.recordType, n)
	r.Reason = reason
	r.Metadata = map[string]any{"skipped_action": string(a.op), "rows": n}
	return out, s.add(ctx, []audit.Record{r}, a.model.keep)
}

// affected is how many rows the statement says it changed.
func (o outcome) affected() int64 {
	if o.rows != nil {
		return int64(len(o.rows.Rows))
	}
	if o.result == nil {
		return 0
	}
	n, err := o.result.RowsAffected()
	if err != nil {
		return 0
	}
	return n
}
