package frameworks

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/riverqueue/river"
	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/audit"
)

type PayArgs struct {
	OrderID string         `json:"order_id"`
	Audit   audit.Handover `json:"audit,omitzero"`
}

func (PayArgs) Kind() string { return "pay" }

type PayWorker struct {
	river.WorkerDefaults[PayArgs]
	db *gorm.DB
}

func (w *PayWorker) Work(ctx context.Context, job *river.Job[PayArgs]) error {
	ctx = job.Args.Audit.Context(ctx)
	return w.db.WithContext(ctx).Model(&Order{ID: job.Args.OrderID}).Update("state", "paid").Error
}

// Where the job is asked for: client.Insert(ctx, args, nil).
func payLater(ctx context.Context, orderID string) PayArgs {
	return PayArgs{OrderID: orderID, Audit: audit.HandoverOf(ctx)}
}

// asked is the context of a request.
func asked() context.Context {
	ctx := audit.WithActor(context.Background(), audit.Actor{ID: "ada", Type: "user"})
	ctx = audit.WithReason(audit.WithTenant(ctx, "acme"), "paid by card")
	return audit.WithRequest(ctx, audit.Request{ID: "r1"})
}

func TestRiver(t *testing.T) {
	db := open(t)
	workers := river.NewWorkers()
	worker := &PayWorker{db: db}
	river.AddWorker(workers, worker)
	stored, err := json.Marshal(payLater(asked(), "12"))
	if err != nil {
		t.Fatal(err)
	}
	var job river.Job[PayArgs]
	if err := json.Unmarshal(stored, &job.Args); err != nil {
		t.Fatal(err)
	}
	if err := worker.Work(context.Background(), &job); err != nil {
		t.Fatal(err)
	}
	by(t, record(t, db), "ada", "paid by card", "acme", "r1")
}
