package auditplugin

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"os"
	"slices"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/audit"
)

// Event records something that is not a row change: a sign-in, a refused access,
// the reading of a sensitive row. In a transaction it commits or rolls back with
// it; outside one it is written at once.
//
// What r leaves empty is filled in from the context of tx: ID, Time, Actor, Reason
// and so on. Action defaults to audit.Event, Outcome to audit.Success. The values
// of r are recorded as they are: put no secrets in them. It fails with ErrClosed
// after Close, with [sql.ErrTxDone] when tx was committed or rolled back, and with
// ErrInvalidOption when the plugin is not installed on tx; with the plugin turned
// off by WithEnabled(false) it does nothing.
func Event(tx *gorm.DB, r audit.Record) error {
	if tx == nil || tx.Config == nil {
		return fmt.Errorf("%w: Event: no database", ErrInvalidOption)
	}
	p, ok := tx.Plugins["auditplugin"].(*Plugin)
	if !ok {
		return fmt.Errorf("%w: Event: auditplugin is not installed on this database", ErrInvalidOption)
	}
	if p.cfg.disabled {
		return nil
	}
	if p.closed.Load() {
		return fmt.Errorf("%w: event refused", ErrClosed)
	}
	ctx := tx.Statement.Context
	r = p.complete(ctx, r)
	if t, ok := asTransaction(tx.Statement.ConnPool); ok {
		if t.state.ended() {
			return fmt.Errorf("auditplugin: event refused: %w", sql.ErrTxDone)
		}
		r.TransactionID = t.state.id
		return t.state.add(ctx, []audit.Record{r}, false)
	}
	if raw, ok := bareTx(tx.Statement.ConnPool); ok {
		s := p.bare.state(ctx, p, raw)
		r.TransactionID = s.id
		return s.add(ctx, []audit.Record{r}, false)
	}
	conn := p.outsideConn
	if c, ok := tx.Statement.ConnPool.(*sql.Conn); ok {
		conn = c // the pool may have no second connection to give
	}
	for _, e := range p.transactional {
		if err := safely(func() error { return e.EmitTx(ctx, conn, []audit.Record{r}) }); err != nil {
			return &quietError{text: fmt.Sprintf("%v: event could not be written", ErrAuditFailed), kinds: []error{ErrAuditFailed, err}}
		}
	}
	p.stats.records.Add(1)
	p.announce(ctx, []audit.Record{r})
	return nil
}

// complete fills in what r leaves empty.
func (p *Plugin) complete(ctx context.Context, r audit.Record) audit.Record {
	d := p.describe(ctx)
	fill := func(s *string, v string) {
		if *s == "" {
			*s = v
		}
	}
	fill(&r.ID, d.ID)
	fill((*string)(&r.Action), string(audit.Event))
	fill((*string)(&r.Outcome), string(audit.Success))
	fill(&r.Message, d.Message)
	fill(&r.Reason, d.Reason)
	fill(&r.Cause, d.Cause)
	fill(&r.RequestID, d.RequestID)
	fill(&r.IP, d.IP)
	fill(&r.UserAgent, d.UserAgent)
	fill(&r.TraceID, d.TraceID)
	fill(&r.SpanID, d.SpanID)
	fill(&r.Application, d.Application)
	fill(&r.Host, d.Host)
	if r.Time.IsZero() {
		r.Time = d.Time
	}
	if r.Actor.IsZero() {
		r.Actor = d.Actor
	}
	if r.Metadata == nil {
		r.Metadata = d.Metadata
	}
	if r.Source.IsZero() {
		r.Source = p.sources.caller()
	}
	// The record may be written long after the caller has gone on with its maps.
	r.Before, r.After, r.Metadata = maps.Clone(r.Before), maps.Clone(r.After), maps.Clone(r.Metadata)
	r.Changed, r.Changes = slices.Clone(r.Changed), slices.Clone(r.Changes)
	r.SchemaVersion = audit.SchemaVersion
	return r
}

// lifecycleEvent is about the plugin itself.
func (p *Plugin) lifecycleEvent(what string) audit.Record {
	r := p.describe(context.Background())
	r.Action, r.RecordType = audit.Event, "auditplugin"
	r.Message = "audit " + what
	r.Metadata = map[string]any{
		"pid": os.Getpid(), "dialect": p.server.Dialect, "emitters": len(p.bound),
		"raw": int(p.cfg.raw), "failure": int(p.cfg.failure), "portable": p.cfg.portable, "unwrapped": p.cfg.unwrapped,
		"with_models": len(p.rules.include), "without_models": len(p.rules.exclude), "without_columns": p.cfg.columns,
	}
	return r
}
