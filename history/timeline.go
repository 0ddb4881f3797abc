package history

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/history/internal/condition"
	"github.com/gorm-audit/auditplugin/internal/diffpath"
	"github.com/gorm-audit/auditplugin/internal/redact"
)

// Entry is a record as people read it: one list of changed fields, whatever the
// action, and times in a zone. [Text] and [JSON] show entries, and templates can.
type Entry struct {
	ID  string `json:"id"`
	Seq int64  `json:"seq,omitempty"`
	// Time is the record's, in the zone given with [Zone]; Ago is how long before
	// the moment given with [Now] that was ("3 hours ago"), or empty.
	Time       time.Time     `json:"time"`
	Ago        string        `json:"ago,omitempty"`
	Action     audit.Action  `json:"action"`
	Outcome    audit.Outcome `json:"outcome,omitempty"`
	RecordType string        `json:"record_type,omitempty"`
	Table      string        `json:"table,omitempty"`
	RecordID   string        `json:"record_id,omitempty"`
	// Name is what [Names] knows the row by.
	Name          string         `json:"name,omitempty"`
	Actor         audit.Actor    `json:"actor"`
	Tenant        string         `json:"tenant,omitempty"`
	Reason        string         `json:"reason,omitempty"`
	Message       string         `json:"message,omitempty"`
	Fields        []Field        `json:"fields,omitempty"`
	TransactionID string         `json:"transaction_id,omitempty"`
	RequestID     string         `json:"request_id,omitempty"`
	IP            string         `json:"ip,omitempty"`
	Application   string         `json:"application,omitempty"`
	Host          string         `json:"host,omitempty"`
	Source        audit.Source   `json:"source,omitzero"`
	Cause         string         `json:"cause,omitempty"`
	Metadata      map[string]any `json:"metadata,omitempty"`
	// Association is the association by which the row belongs to the one that was
	// asked about, as [Query.With] names it; empty for that row itself, and where
	// nothing was asked with With.
	Association string `json:"association,omitempty"`
	// Link is set for a row of a join table.
	Link *Link `json:"link,omitempty"`
	// Newer is set when the record was written by a newer release, whose words may
	// mean something else.
	Newer bool `json:"newer,omitempty"`
}

// Field is one field of an entry. A create has only To, a delete only From.
type Field struct {
	// Path is the column, or the path inside a JSON column, as in [audit.Change].
	Path string `json:"path"`
	From any    `json:"from"`
	To   any    `json:"to"`
	// FromName and ToName are what [Names] knows the values by, Label is what the field
	// is called then, if that is not Path.
	Label    string `json:"label,omitempty"`
	FromName string `json:"from_name,omitempty"`
	ToName   string `json:"to_name,omitempty"`
	// Hidden says what stands in the value's place: "masked", "hashed", "large" for
	// values of which only length and hash were recorded, or "erased" for what [Erase]
	// took out. It is empty for values that are shown.
	Hidden string `json:"hidden,omitempty"`
}

// FormatOption changes how [Timeline], [Text] and [JSON] show records.
type FormatOption func(*format)

type format struct {
	zone     *time.Location
	now      time.Time
	width    int
	details  bool
	withNull bool
	family   *family
	joins    map[string]*joinTable // by table
	names    *naming
	err      error
}

// Zone sets the zone of times; the default is UTC.
func Zone(l *time.Location) FormatOption {
	return func(f *format) {
		if l != nil {
			f.zone = l
		}
	}
}

// Now adds how long before t each record was made: "3 hours ago".
func Now(t time.Time) FormatOption { return func(f *format) { f.now = t } }

// Width sets after how many characters [Text] cuts a value, a reason or a message;
// the default is 80, and 0 or less means never. [JSON] cuts nothing.
func Width(characters int) FormatOption { return func(f *format) { f.width = characters } }

// Details makes [Text] show where a record comes from as well: its id, transaction,
// request and line of code.
func Details() FormatOption { return func(f *format) { f.details = true } }

// Nulls shows the columns of created and deleted rows that are NULL, too.
func Nulls() FormatOption { return func(f *format) { f.withNull = true } }

func newFormat(opts []FormatOption) format {
	f := format{zone: time.UTC, width: 80}
	for _, o := range opts {
		o(&f)
	}
	return f
}

// Timeline turns records into entries, in the same order.
func Timeline(records []audit.Record, opts ...FormatOption) []Entry {
	entries, _ := newFormat(opts).named(context.Background(), records) // without names, then
	return entries
}

func (f format) entries(records []audit.Record) []Entry {
	entries := make([]Entry, len(records))
	for i := range records {
		entries[i] = f.entry(&records[i])
	}
	return entries
}

func (f format) entry(r *audit.Record) Entry {
	e := Entry{
		ID: r.ID, Seq: r.Seq, Time: r.Time.In(f.zone), Action: r.Action, Outcome: r.Outcome,
		RecordType: r.RecordType, Table: r.Table, RecordID: r.RecordID, Actor: r.Actor, Tenant: r.Tenant,
		Reason: r.Reason, Message: r.Message, Fields: f.fields(r), TransactionID: r.TransactionID,
		RequestID: r.RequestID, IP: r.IP, Application: r.Application, Host: r.Host, Source: r.Source,
		Cause: r.Cause, Metadata: r.Metadata, Newer: r.SchemaVersion > audit.SchemaVersion,
	}
	if !f.now.IsZero() {
		e.Ago = ago(f.now.Sub(r.Time))
	}
	f.relate(&e, r)
	return e
}

func (f format) fields(r *audit.Record) []Field {
	if len(r.Changes) > 0 {
		fields := make([]Field, len(r.Changes))
		for i, c := range r.Changes {
			fields[i] = Field{Path: c.Path, From: c.From, To: c.To, Hidden: hidden(c.From, c.To)}
		}
		return fields
	}
	var names []string
	for name := range r.Before {
		names = append(names, name)
	}
	for name := range r.After {
		if _, both := r.Before[name]; !both {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	var fields []Field
	for _, name := range names {
		from, to := r.Before[name], r.After[name]
		if from == nil && to == nil && !f.withNull {
			continue
		}
		fields = append(fields, Field{Path: diffpath.Join([]string{name}), From: from, To: to, Hidden: hidden(from, to)})
	}
	return fields
}

// hidden names what at least one of the values is in place of.
func hidden(vals ...any) string {
	for _, v := range vals {
		switch x := v.(type) {
		case string:
			if strings.HasPrefix(x, redact.Mask) {
				return "masked"
			}
			if isHash(x) {
				return "hashed"
			}
		case map[string]any:
			if isErased(x) {
				return "erased"
			}
			if _, ok := largeBytes(x); ok {
				return "large"
			}
		}
	}
	return ""
}

// largeBytes returns the length of a value that was too large to be recorded, in
// bytes, or "" if not even that is known.
func largeBytes(m map[string]any) (bytes string, ok bool) {
	if yes, is := m["truncated"].(bool); !is || !yes {
		return "", false
	}
	switch n := m["bytes"].(type) {
	case json.Number:
		bytes = string(n)
	case int64:
		bytes = json.Number(jsonText(n)).String()
	}
	return bytes, len(m) == 1 || bytes != ""
}

func jsonText(v any) string {
	s, err := condition.JSON(v)
	if err != nil {
		return "?"
	}
	return s
}
