package history

import (
	"context"
	"maps"
	"time"

	"github.com/google/uuid"

	"github.com/gorm-audit/auditplugin/audit"
)

// eventOf is an event about what this package did to the trail: who, why and for whom are
// as ctx says, as the plugin would have it. Its metadata are a copy, and not nil.
func eventOf(ctx context.Context) audit.Record {
	metadata := maps.Clone(audit.MetadataFrom(ctx))
	if metadata == nil {
		metadata = map[string]any{}
	}
	r := audit.Record{
		ID: uuid.Must(uuid.NewV7()).String(), Time: time.Now().UTC(), Action: audit.Event, Outcome: audit.Success,
		Message: audit.MessageFrom(ctx), Reason: audit.ReasonFrom(ctx), Tenant: audit.TenantFrom(ctx), Cause: audit.CauseFrom(ctx),
		Metadata: metadata, SchemaVersion: audit.SchemaVersion,
	}
	r.Actor, _ = audit.ActorFrom(ctx)
	request, _ := audit.RequestFrom(ctx)
	r.RequestID, r.IP, r.UserAgent = request.ID, request.IP, request.UserAgent
	r.TraceID, r.SpanID = audit.TraceFrom(ctx)
	return r
}
