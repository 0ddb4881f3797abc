package audit

import "context"

// Handover is who asked for something, why and from where, in a form that travels: in the
// arguments of a job or the body of a message. It encodes as JSON; empty members are left
// out.
type Handover struct {
	Actor     Actor  `json:"actor,omitzero"`
	Tenant    string `json:"tenant,omitempty"`
	Reason    string `json:"reason,omitempty"`
	Message   string `json:"message,omitempty"`
	Cause     string `json:"cause,omitempty"`
	RequestID string `json:"request_id,omitempty"`
	IP        string `json:"ip,omitempty"`
	UserAgent string `json:"user_agent,omitempty"`
	TraceID   string `json:"trace_id,omitempty"`
	SpanID    string `json:"span_id,omitempty"`
	// Metadata has numbers as float64 when it was decoded from JSON.
	Metadata map[string]any `json:"metadata,omitempty"`
}

// HandoverOf is what ctx says. What only the plugin's functions find in the application's
// context (auditplugin.WithActorFunc and the like) is not in it.
//
//	job.Audit = audit.HandoverOf(ctx) // where the job is asked for
//	ctx = job.Audit.Context(ctx)      // where it runs
func HandoverOf(ctx context.Context) Handover {
	h := Handover{
		Tenant: TenantFrom(ctx), Reason: ReasonFrom(ctx), Message: MessageFrom(ctx), Cause: CauseFrom(ctx), Metadata: MetadataFrom(ctx),
	}
	h.Actor, _ = ActorFrom(ctx)
	if r, ok := RequestFrom(ctx); ok {
		h.RequestID, h.IP, h.UserAgent = r.ID, r.IP, r.UserAgent
	}
	h.TraceID, h.SpanID = TraceFrom(ctx)
	return h
}

// Context returns ctx with what h has. What h leaves empty stays as it is in ctx. The trace
// is one that somebody else sent ([WithRemoteTrace]): a span of the worker's own is nearer.
// Whoever may write to the queue may say who the actor is.
func (h Handover) Context(ctx context.Context) context.Context {
	if !h.Actor.IsZero() {
		ctx = WithActor(ctx, h.Actor)
	}
	for _, text := range []struct {
		value string
		with  func(context.Context, string) context.Context
	}{{h.Tenant, WithTenant}, {h.Reason, WithReason}, {h.Message, WithMessage}, {h.Cause, WithCause}} {
		if text.value != "" {
			ctx = text.with(ctx, text.value)
		}
	}
	if r := (Request{ID: h.RequestID, IP: h.IP, UserAgent: h.UserAgent}); r != (Request{}) {
		ctx = WithRequest(ctx, r)
	}
	if h.TraceID != "" {
		ctx = WithRemoteTrace(ctx, h.TraceID, h.SpanID)
	}
	if len(h.Metadata) > 0 {
		ctx = WithMetadata(ctx, h.Metadata)
	}
	return ctx
}
