// Package origin tells who made a change, why, and from where: of the context that the
// application gave and of the stack that the call came by.
package origin

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/internal/entry"
	"github.com/gorm-audit/auditplugin/internal/fault"
)

// Origin is safe for concurrent use once its fields are set.
type Origin struct {
	// ActorFunc, TenantFunc and TraceFunc are the application's, or nil.
	ActorFunc  func(context.Context) audit.Actor
	TenantFunc func(context.Context) string
	TraceFunc  func(context.Context) (traceID, spanID string)
	// Application and Host are in every record.
	Application, Host string
	// SkipSources are packages, or types of them, that are passed over when the
	// application's line is looked for.
	SkipSources []string
	// Report hears of functions of the application that panicked.
	Report func(context.Context, error)

	once    sync.Once
	sources sources
}

// Describe makes a record that says who, why and where, with an id.
func (o *Origin) Describe(ctx context.Context) audit.Record {
	r := o.Circumstances(ctx)
	r.ID = entry.NewID()
	return r
}

// Circumstances are who, why and where, for records that get their id later.
func (o *Origin) Circumstances(ctx context.Context) audit.Record {
	r := audit.Record{
		Time: time.Now().UTC(), Outcome: audit.Success, SchemaVersion: audit.SchemaVersion,
		Message: audit.MessageFrom(ctx), Reason: audit.ReasonFrom(ctx), Cause: audit.CauseFrom(ctx),
		Metadata: audit.MetadataFrom(ctx), Application: o.Application, Host: o.Host,
	}
	r.Actor = o.Actor(ctx)
	if r.Tenant = audit.TenantFrom(ctx); r.Tenant == "" && o.TenantFunc != nil {
		if err := fault.Guard(func() error { r.Tenant = o.TenantFunc(ctx); return nil }); err != nil {
			o.Report(ctx, errors.New("auditplugin: the tenant function panicked"))
		}
	}
	if req, ok := audit.RequestFrom(ctx); ok {
		r.RequestID, r.IP, r.UserAgent = req.ID, req.IP, req.UserAgent
	}
	r.TraceID, r.SpanID = audit.TraceFrom(ctx)
	if o.TraceFunc != nil && (r.TraceID == "" || audit.TraceIsRemote(ctx)) {
		var traceID, spanID string
		if err := fault.Guard(func() error { traceID, spanID = o.TraceFunc(ctx); return nil }); err != nil {
			o.Report(ctx, errors.New("auditplugin: the trace function panicked"))
		}
		if traceID != "" { // the service's own span is nearer than its client's
			r.TraceID, r.SpanID = traceID, spanID
		}
	}
	return r
}

// TenantOf is f, which is the application's, or nil.
func (o *Origin) TenantOf(f func(schema string) string) func(schema string) string {
	if f == nil {
		return nil
	}
	return func(schema string) (tenant string) {
		if err := fault.Guard(func() error { tenant = f(schema); return nil }); err != nil {
			o.Report(context.Background(), errors.New("auditplugin: the function of WithTenantOfSchema panicked"))
		}
		return tenant
	}
}

// Actor is who the context names, or the zero actor.
func (o *Origin) Actor(ctx context.Context) audit.Actor {
	if a, ok := audit.ActorFrom(ctx); ok {
		return a
	}
	var a audit.Actor
	if o.ActorFunc != nil && !audit.NoActor(ctx) {
		if err := fault.Guard(func() error { a = o.ActorFunc(ctx); return nil }); err != nil {
			o.Report(ctx, errors.New("auditplugin: the actor function panicked"))
		}
	}
	return a
}
