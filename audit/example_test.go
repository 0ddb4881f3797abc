package audit_test

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/gorm-audit/auditplugin/audit"
)

func ExampleHandoverOf() {
	type job struct {
		OrderID string         `json:"order_id"`
		Audit   audit.Handover `json:"audit,omitzero"`
	}
	ctx := audit.WithActor(context.Background(), audit.Actor{ID: "7", Type: "user"})
	ctx = audit.WithReason(ctx, "ticket 1234")
	queued, err := json.Marshal(job{OrderID: "12", Audit: audit.HandoverOf(ctx)})
	if err != nil {
		panic(err)
	}
	fmt.Println(string(queued))

	// Elsewhere, later.
	var j job
	if err := json.Unmarshal(queued, &j); err != nil {
		panic(err)
	}
	ctx = j.Audit.Context(context.Background())
	actor, _ := audit.ActorFrom(ctx)
	fmt.Println(actor.ID, audit.ReasonFrom(ctx))
	// Output:
	// {"order_id":"12","audit":{"actor":{"id":"7","type":"user"},"reason":"ticket 1234"}}
	// 7 ticket 1234
}
