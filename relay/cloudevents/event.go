package cloudevents

import (
	"encoding/json"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/emitter"
)

// ContentType is the media type of one event in structured mode.
const ContentType = "application/cloudevents+json; charset=utf-8"

// SpecVersion is the version of the specification that events follow.
const SpecVersion = "1.0"

// Event is a record in its envelope. Its JSON is the structured mode.
type Event struct {
	SpecVersion     string    `json:"specversion"`
	ID              string    `json:"id"`
	Source          string    `json:"source"`
	Type            string    `json:"type"`
	Subject         string    `json:"subject,omitempty"`
	Time            time.Time `json:"time"`
	DataContentType string    `json:"datacontenttype"`
	AuditSeq        string    `json:"auditseq,omitempty"`
	PartitionKey    string    `json:"partitionkey,omitempty"`
	TraceParent     string    `json:"traceparent,omitempty"`
	// Data is the JSON of emitter.RecordJSON.
	Data json.RawMessage `json:"data"`
}

// Option changes what an envelope says.
type Option func(*envelope)

type envelope struct{ source, prefix string }

// WithSource sets the attribute source, a URI reference. The default is "/" and the
// record's application, percent-encoded.
func WithSource(uri string) Option { return func(e *envelope) { e.source = uri } }

// WithType sets what the attribute type begins with; the action follows. The default
// is "gorm-audit.record.".
func WithType(prefix string) Option { return func(e *envelope) { e.prefix = prefix } }

// New returns the event of a record.
func New(r audit.Record, opts ...Option) Event {
	e := envelope{source: "/" + url.PathEscape(r.Application), prefix: "gorm-audit.record."}
	for _, opt := range opts {
		opt(&e)
	}
	event := Event{
		SpecVersion: SpecVersion, ID: r.ID, Source: e.source, Type: e.prefix + string(r.Action),
		Time: usable(r.Time), DataContentType: "application/json", Data: emitter.RecordJSON(r),
		Subject: strings.TrimSuffix(r.RecordType+"/"+r.RecordID, "/"), PartitionKey: strings.TrimSuffix(r.Table+"/"+r.RecordID, "/"),
	}
	if r.Seq > 0 {
		event.AuditSeq = strconv.FormatInt(r.Seq, 10)
	}
	if hexadecimal(r.TraceID, 32) && hexadecimal(r.SpanID, 16) {
		event.TraceParent = "00-" + r.TraceID + "-" + r.SpanID + "-01"
	}
	return event
}

// usable returns t, or 1970 for a time that RFC 3339 cannot write.
func usable(t time.Time) time.Time {
	if y := t.UTC().Year(); y < 1 || y > 9999 {
		return time.Unix(0, 0).UTC()
	}
	return t.UTC()
}

func hexadecimal(text string, digits int) bool {
	return len(text) == digits && strings.Trim(text, "0123456789abcdef") == "" && strings.Trim(text, "0") != ""
}

// Encoder returns a function that encodes records as events, for sinks that take
// one: the relay's webhook and watermill.
func Encoder(opts ...Option) func(audit.Record) (body []byte, contentType string, err error) {
	return func(r audit.Record) ([]byte, string, error) {
		body, err := json.Marshal(New(r, opts...))
		return body, ContentType, err
	}
}
