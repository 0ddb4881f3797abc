package auditlog

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/ecslog"
	"github.com/gorm-audit/auditplugin/internal/build"
	"github.com/gorm-audit/auditplugin/internal/fault"
	"github.com/gorm-audit/auditplugin/internal/redact"
)

// trail is what an audit logger and those derived from it share.
type trail struct {
	*config
	host  string
	lines *ecslog.Handler
	names *redact.Plan
	plans sync.Map // reflect.Type to *redact.Plan

	program func() build.Program
}

// handler receives everything that goes to the audit logger. It keeps attributes
// as they were given: they are redacted, and go to records as well as lines.
type handler struct {
	trail  *trail
	groups []string
	bound  []bound
	flat   bool // what comes with an entry is in no group
}

type bound struct {
	depth int // how many groups it is in
	attr  slog.Attr
}

// Enabled lets INFO and above through, whatever the application's level.
func (h *handler) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelInfo }

func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	h2 := *h
	h2.bound = slices.Clip(h.bound)
	for _, a := range attrs {
		h2.bound = append(h2.bound, bound{len(h.groups), a})
	}
	return &h2
}

func (h *handler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	h2 := *h
	h2.groups = append(slices.Clip(h.groups), name)
	return &h2
}

// Handle writes a free-text entry.
func (h *handler) Handle(ctx context.Context, r slog.Record) error { return h.write(ctx, r, nil) }

// write writes an entry to the line and to the emitters, and reports what failed.
func (h *handler) write(ctx context.Context, r slog.Record, c *change) error {
	if ctx == nil {
		ctx = context.Background()
	}
	t := h.trail
	err := h.entry(ctx, r, c)
	if err != nil {
		t.errorHandler(ctx, err)
	}
	return err
}

func (h *handler) entry(ctx context.Context, r slog.Record, c *change) error {
	t := h.trail
	if c != nil {
		if err := c.read(t); err != nil {
			return err
		}
		if c.action == audit.Update && len(c.changed) == 0 && t.dropEqual {
			return nil
		}
	}
	attrs, err := h.attrs(r)
	errs := []error{err}
	rec, err := t.describe(ctx, r)
	errs = append(errs, err)
	loose := t.assign(&rec, c, attrs)
	line := slog.NewRecord(r.Time, r.Level, r.Message, r.PC)
	line.AddAttrs(lineAttrs(&rec, c, loose)...)
	if err := t.lines.Handle(ctx, line); err != nil {
		errs = append(errs, fmt.Errorf("auditplugin: audit line: %w", err))
	}
	for _, e := range t.emitters {
		err := fault.Guard(func() error { return e.Emit(context.WithoutCancel(ctx), []audit.Record{rec}) })
		if err != nil {
			errs = append(errs, fmt.Errorf("auditplugin: audit entry: emitter %T: %w", e, err))
		}
	}
	return errors.Join(errs...)
}

// describe fills in a record what the context and the call tell.
func (t *trail) describe(ctx context.Context, r slog.Record) (audit.Record, error) {
	id, err := uuid.NewV7()
	if err != nil {
		err = fmt.Errorf("auditplugin: audit entry has no id: %w", err)
	}
	rec := audit.Record{
		ID: id.String(), Time: r.Time.UTC(), Action: audit.Event, Outcome: audit.Unknown, Message: r.Message,
		Reason: audit.ReasonFrom(ctx), Cause: audit.CauseFrom(ctx), Application: t.application, Host: t.host,
		SchemaVersion: audit.SchemaVersion,
	}
	if r.Time.IsZero() {
		rec.Time = time.Now().UTC()
	}
	if rec.Message == "" {
		rec.Message = audit.MessageFrom(ctx)
	}
	actor, ok := audit.ActorFrom(ctx)
	if !ok && t.actor != nil {
		actor = t.actor(ctx)
	}
	rec.Actor = actor
	rec.Tenant = audit.TenantFrom(ctx)
	rec.TraceID, rec.SpanID = audit.TraceFrom(ctx)
	if t.trace != nil && (rec.TraceID == "" || audit.TraceIsRemote(ctx)) {
		if traceID, spanID := t.trace(ctx); traceID != "" {
			rec.TraceID, rec.SpanID = traceID, spanID
		}
	}
	if req, ok := audit.RequestFrom(ctx); ok {
		rec.RequestID, rec.IP, rec.UserAgent = req.ID, req.IP, req.UserAgent
	}
	if src := r.Source(); src != nil {
		rec.Source = audit.Source{File: t.program().Relative(src.Function, src.File), Line: src.Line, Function: src.Function}
	}
	if m, err := t.value("", reflect.ValueOf(audit.MetadataFrom(ctx)), 0, true); err == nil {
		rec.Metadata, _ = m.(map[string]any)
	}
	return rec, err
}
