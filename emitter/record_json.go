package emitter

import (
	"encoding/json"
	"time"

	"github.com/gorm-audit/auditplugin/audit"
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
	var enc encoder
	text := func(s string) string { return cut(s, textLimit) }
	j := jsonRecord{
		ID: text(r.ID), Seq: r.Seq, Time: usableTime(r.Time), Action: text(string(r.Action)), Outcome: text(string(r.Outcome)),
		Message: cut(r.Message, longTextLimit), RecordType: text(r.RecordType), Table: text(r.Table), RecordID: text(r.RecordID),
		Before:  json.RawMessage(enc.encodeObject(r.Before, maxImage)),
		After:   json.RawMessage(enc.encodeObject(r.After, maxImage)),
		Changed: json.RawMessage(enc.encodeNames(r.Changed, maxImage)),
		Changes: json.RawMessage(enc.encodeChanges(r.Changes, maxImage)),
		Reason:  cut(r.Reason, longTextLimit), Actor: audit.Actor{ID: text(r.Actor.ID), Type: text(r.Actor.Type), Name: text(r.Actor.Name)},
		TransactionID: text(r.TransactionID), RequestID: text(r.RequestID), IP: text(r.IP), UserAgent: cut(r.UserAgent, wideTextLimit),
		TraceID: text(r.TraceID), SpanID: text(r.SpanID), Application: text(r.Application), Host: text(r.Host),
		Metadata: json.RawMessage(enc.encodeObject(r.Metadata, maxMetadata)),
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
