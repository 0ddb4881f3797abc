package frameworks

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/hibiken/asynq"
	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/audit"
)

type payment struct {
	OrderID string         `json:"order_id"`
	Audit   audit.Handover `json:"audit,omitzero"`
}

// Where the job is asked for: client.EnqueueContext(ctx, task).
func paymentTask(ctx context.Context, orderID string) (*asynq.Task, error) {
	data, err := json.Marshal(payment{OrderID: orderID, Audit: audit.HandoverOf(ctx)})
	return asynq.NewTask("pay", data), err
}

func asynqHandlers(db *gorm.DB) *asynq.ServeMux {
	mux := asynq.NewServeMux()
	mux.HandleFunc("pay", func(ctx context.Context, task *asynq.Task) error {
		var p payment
		if err := json.Unmarshal(task.Payload(), &p); err != nil {
			return err
		}
		ctx = p.Audit.Context(ctx)
		return db.WithContext(ctx).Model(&Order{ID: p.OrderID}).Update("state", "paid").Error
	})
	return mux
}

func TestAsynq(t *testing.T) {
	db := open(t)
	task, err := paymentTask(asked(), "12")
	if err != nil {
		t.Fatal(err)
	}
	if err := asynqHandlers(db).ProcessTask(context.Background(), asynq.NewTask(task.Type(), task.Payload())); err != nil {
		t.Fatal(err)
	}
	by(t, record(t, db), "ada", "paid by card", "acme", "r1")
}
