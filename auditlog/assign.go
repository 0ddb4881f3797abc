package auditlog

import (
	"errors"
	"log/slog"
	"maps"
	"net/netip"
	"reflect"
	"slices"
	"strings"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/internal/redact"
)

// field is an attribute by its dotted path.
type field struct {
	path string
	attr slog.Value
}

// attrs returns everything that was given with an entry, redacted, by path.
func (h *handler) attrs(r slog.Record) ([]field, error) {
	f := flattener{trail: h.trail}
	for _, b := range h.bound {
		f.add(strings.Join(h.groups[:b.depth], "."), b.attr, 0)
	}
	prefix := strings.Join(h.groups, ".")
	if h.flat {
		prefix = ""
	}
	r.Attrs(func(a slog.Attr) bool {
		f.add(prefix, a, 0)
		return true
	})
	return f.fields, errors.Join(f.errs...)
}

type flattener struct {
	trail  *trail
	fields []field
	errs   []error
}

// maxFields bounds what one entry holds, should a LogValue method return itself.
const maxFields = 10_000

func (f *flattener) add(prefix string, a slog.Attr, depth int) {
	v := a.Value.Resolve()
	path := prefix
	if a.Key != "" && prefix != "" {
		path += "."
	}
	path += a.Key
	if len(f.fields) >= maxFields || (path == "" && v.Kind() == slog.KindAny && v.Any() == nil) {
		return
	}
	if v.Kind() == slog.KindGroup && depth <= maxDepth {
		for _, m := range v.Group() {
			f.add(path, m, depth+1)
		}
		return
	}
	if v.Kind() == slog.KindGroup {
		v = slog.StringValue(tooDeep)
	}
	f.fields = append(f.fields, field{path, f.redact(path[strings.LastIndexByte(path, '.')+1:], v)})
}

// shown is a value that was redacted already, by what its type says of it.
type shown struct{ value any }

// redact hides what the name or the value's type says is secret.
func (f *flattener) redact(name string, v slog.Value) slog.Value {
	t := f.trail
	if s, ok := v.Any().(shown); ok {
		return slog.AnyValue(s.value)
	}
	if err, ok := v.Any().(error); ok && v.Kind() == slog.KindAny && !t.names.Sensitive(name) {
		return slog.AnyValue(err)
	}
	if src, ok := v.Any().(*slog.Source); ok {
		return slog.AnyValue(src)
	}
	if v.Kind() == slog.KindDuration && !t.names.Sensitive(name) {
		return v
	}
	seen, err := t.value("", reflect.ValueOf(v.Any()), 0, true)
	if err != nil {
		f.errs = append(f.errs, err)
		return slog.StringValue(redact.Mask) // its tags can not be kept
	}
	return slog.AnyValue(t.names.Column("", name, seen))
}

// assign gives rec what the attributes say about it and returns the fields for
// the line.
func (t *trail) assign(rec *audit.Record, c *change, fields []field) []slog.Attr {
	if c != nil {
		rec.Action, rec.Outcome = c.action, audit.Success
		rec.RecordType, rec.Table, rec.RecordID = c.recordType, c.recordType, c.id
		rec.Before, rec.After, rec.Changed, rec.Changes = c.shownBefore, c.shownAfter, c.changed, c.changes
	}
	loose := make([]slog.Attr, 0, len(fields))
	for _, f := range fields {
		switch {
		case f.path == "event.outcome":
			rec.Outcome = audit.Outcome(f.attr.String())
			switch rec.Outcome {
			case audit.Success, audit.Failure, audit.Unknown:
			default:
				rec.Outcome = audit.Unknown
			}
			continue
		case f.path == "event.id" || f.path == "event.kind":
			f.path = "labels." + f.path // these are ours
		case f.path == "event.reason" && rec.Reason == "":
			rec.Reason = f.attr.String()
			continue
		case f.path == "changes.record_id":
			if rec.RecordID = f.attr.String(); c != nil {
				c.id = rec.RecordID
			}
			loose = append(loose, slog.Attr{Key: f.path, Value: f.attr})
			continue // the record has a field for it
		case f.path == "changes.record_type" && c == nil:
			rec.RecordType, rec.Table = f.attr.String(), f.attr.String()
			loose = append(loose, slog.Attr{Key: f.path, Value: f.attr})
			continue
		case c != nil && (f.path == "changes" || strings.HasPrefix(f.path, "changes.")):
			f.path = "labels." + f.path // what changed is not for attributes to say
		}
		loose = append(loose, slog.Attr{Key: f.path, Value: f.attr})
		if rec.Metadata == nil {
			rec.Metadata = map[string]any{}
		}
		rec.Metadata[f.path] = plain(f.attr)
	}
	return loose
}

// plain returns a value that encodes as JSON.
func plain(v slog.Value) any {
	if v.Kind() != slog.KindAny {
		return v.Any()
	}
	if err, ok := v.Any().(error); ok {
		return safeText(err)
	}
	if src, ok := v.Any().(*slog.Source); ok && src != nil {
		return map[string]any{"file": src.File, "line": int64(src.Line), "function": src.Function}
	}
	return v.Any()
}

func safeText(err error) (s string) {
	defer func() {
		if recover() != nil {
			s = "an error whose text can not be read"
		}
	}()
	return err.Error()
}

// lineAttrs returns the line's attributes. What the context says comes last, so
// that no attribute of the entry can say otherwise.
func lineAttrs(rec *audit.Record, c *change, loose []slog.Attr) []slog.Attr {
	var attrs []slog.Attr
	add := func(path, value string) {
		if value != "" {
			attrs = append(attrs, slog.String(path, value))
		}
	}
	kind := "info"
	if c != nil {
		kind = "change"
		if c.action != audit.Delete {
			attrs = append(attrs, slog.Any("changes.after", c.shownAfter))
		}
		if c.action != audit.Create {
			attrs = append(attrs, slog.Any("changes.before", c.shownBefore))
		}
		add("changes.record_type", c.recordType)
	}
	add("event.id", rec.ID)
	add("event.kind", "event")
	if c != nil {
		attrs = append(attrs, slog.Any("event.category", []string{"database"}))
		add("event.action", c.recordType+"."+string(c.action))
	}
	attrs = append(attrs, slog.Any("event.type", []string{kind}))
	attrs = append(attrs, loose...)
	add("event.outcome", string(rec.Outcome))
	add("event.reason", rec.Reason)
	add("user.id", rec.Actor.ID)
	add("user.name", rec.Actor.Name)
	add("user.effective.id", rec.Actor.OnBehalfOf.ID)
	add("user.effective.name", rec.Actor.OnBehalfOf.Name)
	add("labels.actor_type", rec.Actor.Type)
	add("organization.id", rec.Tenant)
	add("session.id", rec.Actor.SessionID)
	add("trace.id", rec.TraceID)
	add("span.id", rec.SpanID)
	add("http.request.id", rec.RequestID)
	if _, err := netip.ParseAddr(rec.IP); err == nil {
		add("client.ip", rec.IP)
	} else {
		add("client.address", rec.IP) // ECS has IP addresses only in client.ip
	}
	add("user_agent.original", rec.UserAgent)
	add("labels.cause", rec.Cause)
	for _, k := range slices.Sorted(maps.Keys(metadataOnly(rec.Metadata, loose))) {
		attrs = append(attrs, slog.Any("labels."+k, rec.Metadata[k]))
	}
	return attrs
}

// metadataOnly returns the metadata that came with the context.
func metadataOnly(all map[string]any, loose []slog.Attr) map[string]any {
	m := maps.Clone(all)
	for _, a := range loose {
		delete(m, a.Key)
	}
	return m
}
