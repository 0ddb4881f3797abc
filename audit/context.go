package audit

import (
	"context"
	"maps"
)

type contextKey int

const (
	actorKey contextKey = iota
	reasonKey
	messageKey
	metadataKey
	requestKey
	traceKey
	skipKey
	causeKey
	causesKey
	tenantKey
)

// WithActor returns a context whose changes are recorded as made by a.
func WithActor(ctx context.Context, a Actor) context.Context {
	return context.WithValue(ctx, actorKey, a)
}

// ActorFrom returns the actor in ctx and whether [WithActor] put one there.
func ActorFrom(ctx context.Context) (Actor, bool) {
	a, ok := ctx.Value(actorKey).(Actor)
	return a, ok
}

// WithTenant returns a context whose changes are recorded as made for tenant: the customer,
// workspace or organisation whose data they are. The plugin never compares it with
// anything; history.Query.Tenant asks for one tenant's records.
func WithTenant(ctx context.Context, tenant string) context.Context {
	return context.WithValue(ctx, tenantKey, tenant)
}

// TenantFrom returns the tenant in ctx, or "".
func TenantFrom(ctx context.Context) string {
	s, _ := ctx.Value(tenantKey).(string)
	return s
}

// WithoutActor returns a context whose changes nobody made, by design: a clean-up at start, a
// job that acts for no one. No actor is looked for, in ctx or by the plugin's actor function,
// and no warning says that there is none. A later [WithActor] counts. Where an actor is
// required, writes are still refused.
//
// An actor says more: Actor{Type: "system", ID: "nightly-cleanup"}.
func WithoutActor(ctx context.Context) context.Context {
	return context.WithValue(ctx, actorKey, nobody{})
}

type nobody struct{}

// NoActor reports whether [WithoutActor] said that nobody makes the changes of ctx.
func NoActor(ctx context.Context) bool {
	_, ok := ctx.Value(actorKey).(nobody)
	return ok
}

// WithReason returns a context whose changes carry reason: why they are made.
func WithReason(ctx context.Context, reason string) context.Context {
	return context.WithValue(ctx, reasonKey, reason)
}

// ReasonFrom returns the reason in ctx, or "".
func ReasonFrom(ctx context.Context) string {
	s, _ := ctx.Value(reasonKey).(string)
	return s
}

// WithMessage returns a context whose changes carry message: a line for people,
// such as "Edit made to MFA information".
func WithMessage(ctx context.Context, message string) context.Context {
	return context.WithValue(ctx, messageKey, message)
}

// MessageFrom returns the message in ctx, or "".
func MessageFrom(ctx context.Context) string {
	s, _ := ctx.Value(messageKey).(string)
	return s
}

// WithMetadata returns a context whose changes carry metadata, merged over what
// ctx already has. The map is copied; its values must encode as JSON and must not
// change afterwards.
func WithMetadata(ctx context.Context, metadata map[string]any) context.Context {
	merged := maps.Clone(MetadataFrom(ctx))
	if merged == nil {
		merged = make(map[string]any, len(metadata))
	}
	maps.Copy(merged, metadata)
	return context.WithValue(ctx, metadataKey, merged)
}

// MetadataFrom returns the metadata in ctx, or nil. It must not be changed.
func MetadataFrom(ctx context.Context) map[string]any {
	m, _ := ctx.Value(metadataKey).(map[string]any)
	return m
}

// WithRequest returns a context whose changes carry r. The audithttp package has
// middleware that calls it.
func WithRequest(ctx context.Context, r Request) context.Context {
	return context.WithValue(ctx, requestKey, r)
}

// RequestFrom returns the request in ctx and whether [WithRequest] put one there.
func RequestFrom(ctx context.Context) (Request, bool) {
	r, ok := ctx.Value(requestKey).(Request)
	return r, ok
}

type trace struct {
	traceID, spanID string
	remote          bool
}

// WithTrace returns a context whose changes carry the given W3C trace and span
// ids (32 and 16 lower-case hexadecimal digits; other texts are kept as they are).
func WithTrace(ctx context.Context, traceID, spanID string) context.Context {
	return context.WithValue(ctx, traceKey, trace{traceID: traceID, spanID: spanID})
}

// WithRemoteTrace is [WithTrace] for ids that somebody else sent, such as those of a
// request's traceparent header. They are recorded unless the service has a span of its own:
// one that WithTrace or the plugin's trace function tells. A trace of WithTrace that is in
// ctx already stays.
func WithRemoteTrace(ctx context.Context, traceID, spanID string) context.Context {
	if t, _ := ctx.Value(traceKey).(trace); t.traceID != "" && !t.remote {
		return ctx
	}
	return context.WithValue(ctx, traceKey, trace{traceID: traceID, spanID: spanID, remote: true})
}

// TraceIsRemote reports whether [TraceFrom] returns ids of [WithRemoteTrace], which the
// service's own span takes the place of.
func TraceIsRemote(ctx context.Context) bool {
	t, _ := ctx.Value(traceKey).(trace)
	return t.remote
}

// TraceFrom returns the trace and span ids in ctx, of [WithTrace] or [WithRemoteTrace], or
// two empty strings.
func TraceFrom(ctx context.Context) (traceID, spanID string) {
	t, _ := ctx.Value(traceKey).(trace)
	return t.traceID, t.spanID
}

// WithCause returns a context whose changes name the record with the given id as
// the one they follow from.
func WithCause(ctx context.Context, recordID string) context.Context {
	return context.WithValue(ctx, causeKey, recordID)
}

// CauseFrom returns the causing record's id in ctx, or "".
func CauseFrom(ctx context.Context) string {
	s, _ := ctx.Value(causeKey).(string)
	return s
}

// Skip returns a context whose changes are not recorded one by one. That leaves a
// trace: each statement writes one event record that names the table, the action,
// the number of rows and the reason. Skip needs a reason; with an empty one, writes
// are refused.
func Skip(ctx context.Context, reason string) context.Context {
	return context.WithValue(ctx, skipKey, skip{reason})
}

type skip struct{ reason string }

// SkipFrom returns the reason given to [Skip] and whether ctx skips auditing.
func SkipFrom(ctx context.Context) (reason string, ok bool) {
	s, ok := ctx.Value(skipKey).(skip)
	return s.reason, ok
}

// WithCauses is [WithCause] for statements that change several rows, each of which
// follows from a record of its own: cause returns that record's id for a changed row,
// named by its table (without a schema) and the RecordID that its record will have.
// Where it returns "", the record has the cause of [WithCause]. It must be safe for
// concurrent use.
func WithCauses(ctx context.Context, cause func(table, recordID string) string) context.Context {
	return context.WithValue(ctx, causesKey, cause)
}

// CausesFrom returns the function given to [WithCauses], or nil.
func CausesFrom(ctx context.Context) func(table, recordID string) string {
	f, _ := ctx.Value(causesKey).(func(table, recordID string) string)
	return f
}
