package auditlog

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/internal/redact"
	"github.com/gorm-audit/auditplugin/internal/values"
)

// ErrRequired is returned for an event of which a required field is empty. Nothing is
// recorded then.
var ErrRequired = errors.New("auditplugin: a required field of an event is empty")

// Occurrence is one event, made by [Event.Of]. [Audit.Event] writes it to the log and its
// emitters, auditplugin.EventOf into the transaction of a change. What it holds must not
// change meanwhile.
type Occurrence struct {
	def    *definition
	values any
	attrs  []slog.Attr
}

// Event writes an entry of a defined kind. Its action (event.action) is the event's name,
// its outcome [audit.Unknown] unless it or the definition has an [Outcome], its level
// WARN if that is a failure and else INFO. Groups of the logger do not hold for its fields.
//
// The error wraps [ErrRequired] if a required field is empty, and [ErrDefinition] if the
// event is in no catalogue given with [WithCatalogue]; it is not recorded then. Otherwise an
// error means that the entry is missing somewhere. The error handler was told too.
func (a *Audit) Event(ctx context.Context, o Occurrence) error {
	h, ok := a.Handler().(*handler)
	if !ok {
		return ErrInvalidOption // an Audit that New did not make
	}
	if ctx == nil {
		ctx = context.Background()
	}
	err := h.trail.catalogue.lacks(o.def)
	var r slog.Record
	if err == nil {
		r, err = o.record(h.trail)
	}
	if err != nil {
		h.trail.errorHandler(ctx, err)
		return err
	}
	var pcs [1]uintptr
	runtime.Callers(2, pcs[:])
	r.Time, r.PC = time.Now(), pcs[0]
	flat := *h
	flat.flat = true
	return flat.write(ctx, r, nil)
}

// AuditEvent is the event as a record, for auditplugin.EventOf. hashKey is the key of fields
// tagged audit:"hash".
func (o Occurrence) AuditEvent(ctx context.Context, hashKey []byte) (audit.Record, error) {
	if o.def == nil {
		return audit.Record{}, errUndefined
	}
	t := o.def.trailOf(hashKey)
	r, err := o.record(t)
	if err != nil {
		return audit.Record{}, err
	}
	fields, err := (&handler{trail: t}).attrs(r)
	if err != nil {
		return audit.Record{}, err
	}
	rec := audit.Record{Action: audit.Event, Outcome: audit.Unknown, Message: r.Message, Reason: audit.ReasonFrom(ctx)}
	if m, err := t.value("", reflect.ValueOf(audit.MetadataFrom(ctx)), 0, true); err == nil {
		rec.Metadata, _ = m.(map[string]any)
	}
	t.assign(&rec, nil, fields)
	return rec, nil
}

var errUndefined = fmt.Errorf("%w: an event that Define did not make", ErrDefinition)

// trailOf is what redacts for the plugin, whose key is always the same.
func (d *definition) trailOf(hashKey []byte) *trail {
	if t := d.through.Load(); t != nil && bytes.Equal(t.redaction.HashKey, hashKey) {
		return t
	}
	t := newTrail(&config{redaction: redact.Config{HashKey: bytes.Clone(hashKey)}})
	d.through.Store(t)
	return t
}

// record is the entry, its fields redacted.
func (o Occurrence) record(t *trail) (slog.Record, error) {
	if o.def == nil {
		return slog.Record{}, errUndefined
	}
	v := reflect.ValueOf(o.values)
	if err := o.def.missing(v); err != nil {
		return slog.Record{}, err
	}
	im, err := t.structImage("", v, 0)
	if err != nil {
		return slog.Record{}, err
	}
	attrs := slices.Clone(o.def.attrs)
	if o.def.subject != "" {
		attrs = append(attrs, ID(values.KeyText(im.shown[o.def.subject])))
	}
	attrs = append(attrs, o.attrs...)
	for _, f := range o.def.omitted {
		if empty(v, f.index) {
			delete(im.shown, f.name)
		}
	}
	for _, f := range o.def.Fields {
		if value, there := im.shown[f.Name]; there {
			attrs = append(attrs, slog.Any(f.Name, shown{value}))
		}
	}
	level := slog.LevelInfo
	if outcome(attrs) == audit.Failure {
		level = slog.LevelWarn
	}
	r := slog.NewRecord(time.Time{}, level, o.def.Message, 0)
	r.AddAttrs(append(attrs, Action(o.def.Name))...)
	return r, nil
}

// missing names the required fields that are empty.
func (d *definition) missing(v reflect.Value) error {
	var names []string
	for _, f := range d.required {
		if empty(v, f.index) {
			names = append(names, f.name)
		}
	}
	if names == nil {
		return nil
	}
	return fmt.Errorf("%w: %s: %s", ErrRequired, d.Name, strings.Join(names, ", "))
}

// empty reports whether a field has no value: the zero one, nothing in it, or spaces.
func empty(v reflect.Value, index []int) bool {
	f, err := v.FieldByIndexErr(index)
	if err != nil {
		return true // inside an embedded pointer that is nil
	}
	switch f.Kind() {
	case reflect.String:
		return strings.TrimSpace(f.String()) == ""
	case reflect.Slice, reflect.Map:
		return f.Len() == 0
	}
	if z, ok := f.Interface().(interface{ IsZero() bool }); ok && (f.Kind() != reflect.Pointer || !f.IsNil()) {
		return z.IsZero()
	}
	return f.IsZero()
}
