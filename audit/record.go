package audit

import (
	"strings"
	"time"
)

// Action is what happened to the row that a [Record] is about.
type Action string

// The actions a record can have.
const (
	// Create is a row that was inserted. Record.After holds the whole row.
	Create Action = "create"
	// Update is a row of which at least one column changed. Record.Before and
	// Record.After hold the changed columns only.
	Update Action = "update"
	// Delete is a row that was removed. Record.Before holds the whole row.
	Delete Action = "delete"
	// SoftDelete is an update that set the model's soft-delete column.
	SoftDelete Action = "soft_delete"
	// Restore is an update that cleared the model's soft-delete column.
	Restore Action = "restore"
	// Raw is a raw SQL statement that writes to an audited table; which rows it
	// changed is not known. Record.Message holds the statement without literals.
	Raw Action = "raw"
	// Event is something worth recording that is not a row change: a sign-in, a
	// skipped write, a record that could not be written.
	Event Action = "event"
)

// Outcome tells whether what a record describes took place.
type Outcome string

// The outcomes, as the Elastic Common Schema names them (event.outcome).
const (
	Success Outcome = "success"
	Failure Outcome = "failure"
	Unknown Outcome = "unknown"
)

// SchemaVersion is the version of the record format that this release writes.
// It goes up when a field changes its meaning; readers accept every lower one.
const SchemaVersion = 1

// Record is one audit entry, about one row.
//
// Values in Before, After and Changes are what the database stores, as one of
// nil, bool, int64, uint64, float64, string, []byte, [time.Time] (UTC), or, for
// JSON columns, the decoded document ([]any, map[string]any, [encoding/json.Number] kept
// as number). Secrets are redacted before a record reaches any emitter.
//
// Emitters share one backing slice and must treat records as read-only.
type Record struct {
	// ID is a UUIDv7, unique over all records; every emitter sees the same one.
	ID string `json:"id"`
	// Seq is assigned by the database when the record is inserted into the audit
	// table, and is the only order to trust. It is 0 where no table assigned one.
	Seq int64 `json:"seq,omitempty"`
	// Time is when the change was made: taken after the statement returned, UTC.
	Time time.Time `json:"time"`
	// Action says what happened.
	Action Action `json:"action"`
	// Outcome is Success for every row change.
	Outcome Outcome `json:"outcome"`
	// Message is free text, from [WithMessage] or, for raw SQL and events, ours.
	Message string `json:"message,omitempty"`
	// RecordType is the kind of thing that changed: the model's AuditName, or the
	// type's name in words ("user"; see [TypeName]), or the table's name.
	RecordType string `json:"record_type"`
	// Table is the database table, without a schema.
	Table string `json:"table"`
	// RecordID is the row's primary key as text; composite keys are a JSON array
	// of texts in the schema's order. It is empty for tables without a key.
	RecordID string `json:"record_id"`
	// Before and After hold column values by column name; see the actions.
	Before map[string]any `json:"before,omitempty"`
	After  map[string]any `json:"after,omitempty"`
	// Changed names the columns of an update that changed, sorted.
	Changed []string `json:"changed,omitempty"`
	// Changes lists an update's changes by path; JSON columns are compared
	// structurally ("address.city").
	Changes []Change `json:"changes,omitempty"`
	// Reason says why: from [WithReason].
	Reason string `json:"reason,omitempty"`
	// Actor says who: from [WithActor] or the plugin's actor function.
	Actor Actor `json:"actor"`
	// Tenant says for which of the application's customers: from [WithTenant] or the
	// plugin's tenant functions.
	Tenant string `json:"tenant,omitempty"`
	// TransactionID is shared by all records of one database transaction.
	TransactionID string `json:"transaction_id,omitempty"`
	// RequestID, IP and UserAgent come from [WithRequest].
	RequestID string `json:"request_id,omitempty"`
	IP        string `json:"ip,omitempty"`
	UserAgent string `json:"user_agent,omitempty"`
	// TraceID and SpanID come from [WithTrace] or the plugin's trace function.
	TraceID string `json:"trace_id,omitempty"`
	SpanID  string `json:"span_id,omitempty"`
	// Application and Host name the process that made the change.
	Application string `json:"application,omitempty"`
	Host        string `json:"host,omitempty"`
	// Metadata is free data from [WithMetadata]; values must encode as JSON.
	Metadata map[string]any `json:"metadata,omitempty"`
	// Source is the application's line that made the call.
	Source Source `json:"source"`
	// Cause is the ID of the record that this one follows from: the parent row
	// of a cascade, the record that a revert undid.
	Cause string `json:"cause,omitempty"`
	// SchemaVersion is the format this record was written in.
	SchemaVersion int `json:"schema_version"`
}

// Change is one field of an update. Path is the column name, or, inside a JSON
// column, the column and the keys or indexes below it joined by dots. From or To
// is nil where the path did not exist.
type Change struct {
	Path string `json:"path"`
	From any    `json:"from"`
	To   any    `json:"to"`
}

// Actor is who made a change.
type Actor struct {
	// ID identifies the actor within its type.
	ID string `json:"id,omitempty"`
	// Type is the application's word for the kind of actor: "user", "service".
	Type string `json:"type,omitempty"`
	// Name is for people to read.
	Name string `json:"name,omitempty"`
	// OnBehalfOf is whom the actor acted for: the customer as whom a support agent was
	// signed in, the user for whom a job ran.
	OnBehalfOf Principal `json:"on_behalf_of,omitzero"`
	// SessionID tells the actor's sessions apart. It should not be the secret by which the
	// session is found: use a hash of it, or a key of its own.
	SessionID string `json:"session_id,omitempty"`
}

// Principal is somebody, or something, that an [Actor] can act for.
type Principal struct {
	// ID, Type and Name are as in [Actor].
	ID   string `json:"id,omitempty"`
	Type string `json:"type,omitempty"`
	Name string `json:"name,omitempty"`
}

// IsZero reports whether p names nobody.
func (p Principal) IsZero() bool { return p == Principal{} }

// IsZero reports whether a is empty.
func (a Actor) IsZero() bool { return a == Actor{} }

// IsNobody reports whether a names nobody: it has neither ID nor Name, or only spaces
// there. A type alone, as a request without a session may leave it, says what acted and
// not who.
func (a Actor) IsNobody() bool {
	return strings.TrimSpace(a.ID) == "" && strings.TrimSpace(a.Name) == ""
}

// Source is the line of the application that made the call.
type Source struct {
	File     string `json:"file,omitempty"`
	Line     int    `json:"line,omitempty"`
	Function string `json:"function,omitempty"`
}

// IsZero reports whether s names no line.
func (s Source) IsZero() bool { return s == Source{} }

// Request describes the request during which a change was made.
type Request struct {
	// ID is the request's id, often from the X-Request-Id header.
	ID string
	// IP is the client's address.
	IP string
	// UserAgent is the client's own description of itself. It is untrusted text.
	UserAgent string
}

// Requirement is what a model demands of every write to it; see the models'
// AuditRequires method and auditplugin.WithRequiredActor.
type Requirement uint8

// The requirements; combine them with |.
const (
	// RequireActor refuses writes whose context names no actor; see [Actor.IsNobody].
	RequireActor Requirement = 1 << iota
	// RequireReason refuses writes whose context gives no reason.
	RequireReason
)
