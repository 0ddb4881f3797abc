package entry

import (
	"math"
	"reflect"
	"time"

	"github.com/google/uuid"

	"github.com/gorm-audit/auditplugin/audit"
)

// Converter makes entries of records. It is for one goroutine at a time.
type Converter struct {
	// Limit is how large a JSON column may be.
	Limit int
	enc   Encoder
	// last is the record before, of which shared was made.
	last   audit.Record
	shared *Shared
	// source is the JSON of a source seen before.
	source     string
	sourceFrom audit.Source
}

// Images are the JSON of a record's before and after, "" for none.
type Images struct{ Before, After string }

// Images encodes the images of r, at most MaxImage long.
func (e *Encoder) Images(r *audit.Record) Images {
	return Images{e.Object(r.Before, MaxImage), e.Object(r.After, MaxImage)}
}

// Encoder is what the converter encodes with.
func (c *Converter) Encoder() *Encoder { return &c.enc }

// Entry makes the entry of r, whose images are img.
func (c *Converter) Entry(r *audit.Record, img Images) Entry {
	if len(img.Before) > c.Limit {
		img.Before = c.enc.Object(r.Before, c.Limit)
	}
	if len(img.After) > c.Limit {
		img.After = c.enc.Object(r.After, c.Limit)
	}
	id := r.ID
	if id == "" {
		id = NewID()
	}
	return Entry{
		Shared: c.Share(r),
		ID:     Cut(id, TextLimit), RecordID: Cut(r.RecordID, TextLimit),
		Before: img.Before, After: img.After,
		Changed: c.enc.Names(r.Changed, c.Limit), Changes: c.enc.Changes(r.Changes, c.Limit),
		Cause: Cut(r.Cause, TextLimit),
	}
}

// Share makes what r may have in common with others, or takes over what was made of
// the record before.
func (c *Converter) Share(r *audit.Record) *Shared {
	sameMetadata := c.shared != nil && sameMap(r.Metadata, c.last.Metadata)
	if sameMetadata && r.Source == c.last.Source && sameContext(r, &c.last) {
		return c.shared
	}
	s := &Shared{
		Time: UsableTime(r.Time), Version: min(max(r.SchemaVersion, 0), math.MaxInt32), Source: r.Source,
	}
	s.Texts = [Columns]string{
		AtAction:        Cut(string(r.Action), TextLimit),
		AtOutcome:       Cut(string(r.Outcome), TextLimit),
		AtRecordType:    Cut(r.RecordType, TextLimit),
		AtTable:         Cut(r.Table, TextLimit),
		AtMessage:       Cut(r.Message, LongTextLimit),
		AtReason:        Cut(r.Reason, LongTextLimit),
		AtActorID:       Cut(r.Actor.ID, TextLimit),
		AtActorType:     Cut(r.Actor.Type, TextLimit),
		AtActorName:     Cut(r.Actor.Name, TextLimit),
		AtTransactionID: Cut(r.TransactionID, TextLimit),
		AtRequestID:     Cut(r.RequestID, TextLimit),
		AtIP:            Cut(r.IP, TextLimit),
		AtUserAgent:     Cut(r.UserAgent, WideTextLimit),
		AtTraceID:       Cut(r.TraceID, TextLimit),
		AtSpanID:        Cut(r.SpanID, TextLimit),
		AtApplication:   Cut(r.Application, TextLimit),
		AtHost:          Cut(r.Host, TextLimit),
		AtTenant:        Cut(r.Tenant, TextLimit),
		AtSessionID:     Cut(r.Actor.SessionID, TextLimit),

		AtOnBehalfOfID:   Cut(r.Actor.OnBehalfOf.ID, TextLimit),
		AtOnBehalfOfType: Cut(r.Actor.OnBehalfOf.Type, TextLimit),
		AtOnBehalfOfName: Cut(r.Actor.OnBehalfOf.Name, TextLimit),
	}
	if sameMetadata {
		s.Texts[AtMetadata] = c.shared.Texts[AtMetadata]
	} else {
		s.Texts[AtMetadata] = c.enc.Object(r.Metadata, min(MaxMetadata, c.Limit))
	}
	if r.Source != c.sourceFrom {
		c.sourceFrom, c.source = r.Source, c.enc.Source(r.Source)
	}
	s.Texts[AtSource] = c.source
	s.measure()
	c.shared, c.last = s, *r
	c.last.Before, c.last.After, c.last.Changed, c.last.Changes = nil, nil, nil, nil
	return s
}

// Rest lets go of the record before, whose metadata may change, so that c can be kept
// for another time.
func (c *Converter) Rest() {
	c.last, c.shared = audit.Record{}, nil
	if cap(c.enc.buf) > maxTexts {
		c.enc = Encoder{}
	}
}

// sameMap reports whether a and b are one map, or both empty.
func sameMap(a, b map[string]any) bool {
	return len(a) == 0 && len(b) == 0 || reflect.ValueOf(a).Pointer() == reflect.ValueOf(b).Pointer()
}

// sameContext reports whether a and b have everything in common that is in Shared,
// metadata and source aside.
func sameContext(a, b *audit.Record) bool {
	return a.Time.Equal(b.Time) && a.Action == b.Action && a.Outcome == b.Outcome && a.RecordType == b.RecordType && a.Table == b.Table &&
		a.Message == b.Message && a.Reason == b.Reason && a.Actor == b.Actor && a.TransactionID == b.TransactionID &&
		a.RequestID == b.RequestID && a.IP == b.IP && a.UserAgent == b.UserAgent && a.TraceID == b.TraceID && a.SpanID == b.SpanID &&
		a.Tenant == b.Tenant && a.Application == b.Application && a.Host == b.Host && a.SchemaVersion == b.SchemaVersion
}

// UsableTime returns t in UTC, or now for one that a database, or RFC 3339,
// could not write.
func UsableTime(t time.Time) time.Time {
	t = t.UTC()
	if y := t.Year(); y < 1000 || y > 9999 {
		return time.Now().UTC()
	}
	return t
}

// NewID returns the id of a record that has none.
func NewID() string {
	if id, err := uuid.NewV7(); err == nil {
		return id.String()
	}
	return uuid.NewString()
}
