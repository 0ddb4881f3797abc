package emitter

import (
	"context"
	"log/slog"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/internal/entry"
)

// attrs returns r's attributes. Those without a value are left out.
func (s *SlogEmitter) attrs(ctx context.Context, enc *entry.Encoder, r *audit.Record) []slog.Attr {
	img := entry.EncodeImages(ctx, enc, r)
	attrs := make([]slog.Attr, 0, 10)
	add := func(key string, fields ...slog.Attr) {
		present := fields[:0]
		for _, f := range fields {
			if !f.Equal(slog.Attr{}) {
				present = append(present, f)
			}
		}
		if len(present) > 0 {
			attrs = append(attrs, slog.Attr{Key: key, Value: slog.GroupValue(present...)})
		}
	}
	add("log", field("logger", s.loggerName(r)), origin(r.Source))
	add("changes",
		field("record_type", r.RecordType),
		field("record_id", r.RecordID),
		field("action", string(r.Action)),
		document("before", img.Before),
		document("after", img.After),
		field("transaction_id", r.TransactionID),
	)
	kind := "change"
	if r.Action == audit.Event {
		kind = "info"
	}
	add("event",
		field("id", r.ID),
		slog.String("kind", "event"),
		slog.Any("category", []string{"database"}),
		slog.Any("type", []string{kind}),
		field("action", r.RecordType+"."+string(r.Action)),
		field("outcome", string(r.Outcome)),
		longField("reason", r.Reason),
	)
	add("user", field("id", r.Actor.ID), field("name", r.Actor.Name), effective(r.Actor.OnBehalfOf))
	add("organization", field("id", r.Tenant))
	add("session", field("id", r.Actor.SessionID))
	add("trace", field("id", r.TraceID))
	add("span", field("id", r.SpanID))
	if r.RequestID != "" {
		add("http", slog.Group("request", field("id", r.RequestID)))
	}
	add("client", clientAddress(r.IP))
	add("user_agent", field("original", r.UserAgent))
	add("labels", append([]slog.Attr{field("actor_type", r.Actor.Type)}, labels(enc, r.Metadata, r.Actor.Type)...)...)
	return attrs
}

func (s *SlogEmitter) loggerName(r *audit.Record) string {
	switch {
	case s.name != "":
		return s.name
	case r.Application != "":
		return r.Application + ".audit"
	default:
		return "audit"
	}
}

func field(key, value string) slog.Attr {
	if value == "" {
		return slog.Attr{}
	}
	return slog.String(key, entry.Cut(value, entry.TextLimit))
}

func longField(key, value string) slog.Attr {
	if value == "" {
		return slog.Attr{}
	}
	return slog.String(key, entry.Cut(value, entry.LongTextLimit))
}

func document(key, encoded string) slog.Attr {
	if encoded == "" {
		return slog.Attr{}
	}
	return slog.Any(key, rawJSON(encoded))
}

func origin(s audit.Source) slog.Attr {
	if s.IsZero() {
		return slog.Attr{}
	}
	fields := make([]any, 0, 2)
	if s.File != "" {
		file := []any{field("name", s.File)}
		if s.Line > 0 {
			file = append(file, slog.Int("line", s.Line))
		}
		fields = append(fields, slog.Group("file", file...))
	}
	if s.Function != "" {
		fields = append(fields, field("function", s.Function))
	}
	return slog.Group("origin", fields...)
}

// effective is user.effective, for whom an actor acted.
func effective(p audit.Principal) slog.Attr {
	if p.ID == "" && p.Name == "" {
		return slog.Attr{}
	}
	var fields []any
	for _, f := range []slog.Attr{field("id", p.ID), field("name", p.Name)} {
		if !f.Equal(slog.Attr{}) {
			fields = append(fields, f)
		}
	}
	return slog.Group("effective", fields...)
}

// clientAddress returns client.ip, or client.address for what is no IP address:
// Elasticsearch refuses a document whose ip field holds anything else.
func clientAddress(ip string) slog.Attr {
	if _, err := netip.ParseAddr(ip); err == nil {
		return field("ip", ip)
	}
	return field("address", ip)
}

// labels returns metadata as ECS labels, which are scalars under keys without
// dots. ECS has no field for the actor's type: it is a label, too, unless it is empty.
func labels(enc *entry.Encoder, metadata map[string]any, actorType string) []slog.Attr {
	attrs := make([]slog.Attr, 0, len(metadata))
	size := 0
	used := make(map[string]bool, len(metadata)+1)
	used["actor_type"] = actorType != ""
	for _, k := range slices.Sorted(maps.Keys(metadata)) {
		encoded, ok := enc.Value(metadata[k], entry.MaxMetadata)
		if !ok {
			encoded = `{"truncated":true}`
		}
		if size += len(k) + len(encoded); size > entry.MaxMetadata {
			return append(attrs, slog.Bool("<truncated>", true))
		}
		// "a.b" and "a_b" must not become one label, nor may a key be empty.
		key := entry.Cut(strings.ReplaceAll(k, ".", "_"), entry.TextLimit)
		for key == "" || used[key] {
			key += "_"
		}
		used[key] = true
		switch v := metadata[k].(type) {
		case nil:
			continue
		case string:
			attrs = append(attrs, slog.String(key, entry.Cut(v, entry.LongTextLimit)))
		default:
			if isScalar(encoded) {
				attrs = append(attrs, slog.Any(key, rawJSON(encoded)))
			} else {
				attrs = append(attrs, slog.String(key, encoded))
			}
		}
	}
	return attrs
}

func isScalar(encoded string) bool {
	return encoded != "" && strings.IndexByte("{[", encoded[0]) < 0
}

// rawJSON is JSON that is ready to be written. JSON handlers write it as it is,
// others write its text.
type rawJSON string

func (j rawJSON) MarshalJSON() ([]byte, error) { return []byte(j), nil }
func (j rawJSON) MarshalText() ([]byte, error) { return []byte(j), nil }
func (j rawJSON) String() string               { return string(j) }
