package webhook_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/relay/webhook"
)

// A receiver checks who sent a record, and tells by its id whether it has it already.
func ExampleNewVerifier() {
	const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	verifier, err := webhook.NewVerifier(secret)
	if err != nil {
		fmt.Println(err)
		return
	}
	seen := make(map[string]bool)
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(req.Body)
		if err != nil || verifier.Verify(req.Header, body) != nil {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		id := req.Header.Get(webhook.HeaderID)
		fmt.Println("seen before:", seen[id])
		if !seen[id] {
			fmt.Println(string(body))
		}
		seen[id] = true
	}))
	defer receiver.Close()

	sink, err := webhook.New(receiver.URL, webhook.Secret(secret))
	if err != nil {
		fmt.Println(err)
		return
	}
	records := []audit.Record{{
		ID: "01a20820", Seq: 8, Action: audit.Update, Outcome: audit.Success, RecordType: "user", Table: "users", RecordID: "1",
		Time: time.Date(2026, 11, 23, 11, 17, 59, 0, time.UTC), After: map[string]any{"phone": "+19876543210"}, SchemaVersion: 1,
	}}
	fmt.Println(sink.Emit(context.Background(), records))
	fmt.Println(sink.Emit(context.Background(), records))
	// Output:
	// seen before: false
	// {"type":"audit.update","timestamp":"2026-11-23T11:17:59Z","data":{"id":"01a20820","seq":8,"time":"2026-11-23T11:17:59Z","action":"update","outcome":"success","record_type":"user","table":"users","record_id":"1","after":{"phone":"+19876543210"},"actor":{},"source":{},"schema_version":1}}
	// <nil>
	// seen before: true
	// <nil>
}
