package emitter

import (
	"encoding/json"
	"time"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/internal/entry"
)

// jsonRecord is an audit.Record whose parts are encoded already.
type jsonRecord struct {
	ID            string          `json:"id"`
	Seq           int64           `json:"seq,omitempty"`
	Time          time.Time       `json:"time"`
	Action        string          `json:"action"`
	Outcome       string          `json:"outcome"`
	Message       string          `json:"message,omitempty"`
	RecordType    string          `json:"record_type"`
	Table         string          `json:"table"`
	RecordID      string          `json:"record_id"`
	Before        json.RawMessage `json:"before,omitempty"`
	After         json.RawMessage `json:"after,omitempty"`
	Changed       json.RawMessage `json:"changed,omitempty"`
	Changes       json.RawMessage `json:"changes,omitempty"`
	Reason        string          `json:"reason,omitempty"`
	Actor         audit.Actor     `json:"actor"`
	Tenant        string          `json:"tenant,omitempty"`
	TransactionID string          `json:"transaction_id,omitempty"`
	RequestID     string          `json:"request_id,omitempty"`
	IP            string          `json:"ip,omitempty"`
	UserAgent     string          `json:"user_agent,omitempty"`
	TraceID       string          `json:"trace_id,omitempty"`
	SpanID        string          `json:"span_id,omitempty"`
	Application   string          `json:"application,omitempty"`
	Host          string          `json:"host,omitempty"`
	Metadata      json.RawMessage `json:"metadata,omitempty"`
	Source        audit.Source    `json:"source"`
	Cause         string          `json:"cause,omitempty"`
	SchemaVersion int             `json:"schema_version"`
}

// RecordJSON returns the JSON of a record, with the names that [audit.Record] has
// there, for sinks that send records elsewhere. Unlike [encoding/json], it takes
// every value: what is done to them is what the package's documentation says, and
// texts, images and metadata are limited in size as in the table ([Table]).
func RecordJSON(r audit.Record) []byte {
	var enc entry.Encoder
	text := func(s string) string { return entry.Cut(s, entry.TextLimit) }
	j := jsonRecord{
		ID: text(r.ID), Seq: r.Seq, Time: entry.UsableTime(r.Time), Action: text(string(r.Action)), Outcome: text(string(r.Outcome)),
		Message: entry.Cut(r.Message, entry.LongTextLimit), RecordType: text(r.RecordType), Table: text(r.Table), RecordID: text(r.RecordID),
		Before:  json.RawMessage(enc.Object(r.Before, entry.MaxImage)),
		After:   json.RawMessage(enc.Object(r.After, entry.MaxImage)),
		Changed: json.RawMessage(enc.Names(r.Changed, entry.MaxImage)),
		Changes: json.RawMessage(enc.Changes(r.Changes, entry.MaxImage)),
		Reason:  entry.Cut(r.Reason, entry.LongTextLimit), Tenant: text(r.Tenant),
		Actor: audit.Actor{
			ID: text(r.Actor.ID), Type: text(r.Actor.Type), Name: text(r.Actor.Name), SessionID: text(r.Actor.SessionID),
			OnBehalfOf: audit.Principal{ID: text(r.Actor.OnBehalfOf.ID), Type: text(r.Actor.OnBehalfOf.Type), Name: text(r.Actor.OnBehalfOf.Name)},
		},
		TransactionID: text(r.TransactionID), RequestID: text(r.RequestID), IP: text(r.IP), UserAgent: entry.Cut(r.UserAgent, entry.WideTextLimit),
		TraceID: text(r.TraceID), SpanID: text(r.SpanID), Application: text(r.Application), Host: text(r.Host),
		Metadata: json.RawMessage(enc.Object(r.Metadata, entry.MaxMetadata)),
		Source:   audit.Source{File: text(r.Source.File), Line: r.Source.Line, Function: text(r.Source.Function)},
		Cause:    text(r.Cause), SchemaVersion: r.SchemaVersion,
	}
	b, err := json.Marshal(j)
	if err != nil {
		// The parts are JSON, and the rest are texts, numbers and a time between the
		// years 1000 and 9999.
		panic("auditplugin: a record has no JSON: " + err.Error())
	}
	return b
}
