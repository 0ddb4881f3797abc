// Package webhook is a sink for relays that posts records to an HTTP receiver,
// signed as the Standard Webhooks specification says, and lets receivers check the
// signatures.
//
//	sink, err := webhook.New("https://example.test/hooks/audit", webhook.Secret("whsec_…"))
//	err = r.Subscribe("partner", sink)
//
// Each record is a request of its own. Its body is
//
//	{"type": "audit.update", "timestamp": "2026-11-23T11:17:59.827983Z", "data": {…}}
//
// with the record, as emitter.RecordJSON encodes it, in data; [WithEncoder] sends another
// one, such as a CloudEvent. The headers are
//
//	webhook-id        the record's id, percent-encoded: the same at every attempt, so
//	                  that a receiver can tell what it has already
//	webhook-timestamp when the attempt was made, in seconds since 1970
//	webhook-signature one "v1,…" for each secret, separated by spaces
//
// The answers 2xx accept a record. 408, 425, 429 and 5xx, and no answer, mean that the
// relay tries again, after the time that Retry-After says if it does. All others,
// redirects among them, are final: the record becomes a dead letter.
package webhook
