package audit_test

import (
	"context"
	"encoding/json"
	"reflect"
	"testing"

	"github.com/gorm-audit/auditplugin/audit"
)

func TestHandover(t *testing.T) {
	ctx := audit.WithActor(context.Background(), audit.Actor{ID: "7", Type: "user", Name: "Ada", OnBehalfOf: audit.Principal{ID: "9"}, SessionID: "s"})
	ctx = audit.WithTenant(audit.WithReason(audit.WithMessage(audit.WithCause(ctx, "c"), "m"), "r"), "t")
	ctx = audit.WithRequest(ctx, audit.Request{ID: "q", IP: "192.0.2.1", UserAgent: "curl"})
	ctx = audit.WithMetadata(audit.WithTrace(ctx, "trace", "span"), map[string]any{"n": 1.0, "list": []any{"x"}})
	handed := audit.HandoverOf(ctx)
	data, err := json.Marshal(handed)
	if err != nil {
		t.Fatal(err)
	}
	var arrived audit.Handover
	if err := json.Unmarshal(data, &arrived); err != nil {
		t.Fatal(err)
	}
	there := arrived.Context(context.Background())
	if again := audit.HandoverOf(there); !reflect.DeepEqual(again, handed) {
		t.Errorf("handed over was %+v\narrived has %+v", handed, again)
	}
	v := reflect.ValueOf(handed)
	for i := range v.NumField() {
		if v.Field(i).IsZero() {
			t.Errorf("the test hands over no %s", v.Type().Field(i).Name)
		}
	}
	if !audit.TraceIsRemote(there) {
		t.Error("the trace is taken for the worker's own")
	}

	// Nothing leaves everything as it is.
	if data, err := json.Marshal(audit.HandoverOf(context.Background())); err != nil || string(data) != "{}" {
		t.Errorf("nothing is %s, %v", data, err)
	}
	if again := audit.HandoverOf((audit.Handover{}).Context(ctx)); !reflect.DeepEqual(again, handed) {
		t.Errorf("an empty one left %+v", again)
	}
	if _, named := audit.ActorFrom((audit.Handover{Tenant: "t"}).Context(context.Background())); named {
		t.Error("an actor appeared from nowhere")
	}
}
