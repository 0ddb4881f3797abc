package origin

import (
	"context"
	"maps"
	"slices"

	"github.com/gorm-audit/auditplugin/audit"
)

// Event makes an event about a write that was refused, or whose records were lost. about
// describes that write.
func (o *Origin) Event(ctx context.Context, about audit.Record, outcome audit.Outcome, message string) audit.Record {
	event := o.Describe(ctx)
	event.Action, event.Outcome, event.Message = audit.Event, outcome, message
	event.RecordType, event.Table, event.RecordID = about.RecordType, about.Table, about.RecordID
	event.TransactionID, event.Source = about.TransactionID, about.Source
	if event.Tenant == "" {
		event.Tenant = about.Tenant
	}
	event.Metadata = map[string]any{"refused_action": string(about.Action)}
	return event
}

// Complete fills in what an event of the application leaves empty.
func (o *Origin) Complete(ctx context.Context, r audit.Record) audit.Record {
	d := o.Describe(ctx)
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
	fill(&r.Tenant, d.Tenant)
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
		r.Source = o.Caller()
	}
	// The record may be written long after the caller has gone on with its maps.
	r.Before, r.After, r.Metadata = maps.Clone(r.Before), maps.Clone(r.After), maps.Clone(r.Metadata)
	r.Changed, r.Changes = slices.Clone(r.Changed), slices.Clone(r.Changes)
	r.SchemaVersion = audit.SchemaVersion
	return r
}
