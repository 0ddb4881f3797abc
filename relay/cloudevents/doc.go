// Package cloudevents puts audit records into the CloudEvents 1.0 envelope, in its
// JSON format, structured mode: one object that holds attributes and data.
//
//	id              the record's id, the same at every delivery
//	source          "/" and the record's application, or what WithSource says
//	type            "gorm-audit.record." and the action, or what WithType says
//	subject         the record type and the record's id: "user/42"
//	time            the record's time
//	datacontenttype application/json
//	data            the record, as emitter.RecordJSON encodes it
//	auditseq        the sequence number, as text (extension)
//	partitionkey    table and record's id: "users/42" (extension)
//	traceparent     if the record has a W3C trace id and span id (extension)
package cloudevents
