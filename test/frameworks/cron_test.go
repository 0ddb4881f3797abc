package frameworks

import (
	"context"
	"log/slog"
	"testing"

	"github.com/robfig/cron/v3"
	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/audit"
)

func nightly(ctx context.Context, db *gorm.DB) (*cron.Cron, error) {
	ctx = audit.WithActor(ctx, audit.Actor{ID: "nightly-cleanup", Type: "service"})
	ctx = audit.WithReason(ctx, "orders are closed after 30 days")
	c := cron.New()
	_, err := c.AddFunc("0 3 * * *", func() {
		if err := db.WithContext(ctx).Model(&Order{}).Where("state = ?", "new").Update("state", "closed").Error; err != nil {
			slog.ErrorContext(ctx, "clean-up", "error", err)
		}
	})
	return c, err
}

func TestCron(t *testing.T) {
	db := open(t)
	c, err := nightly(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	c.Entries()[0].WrappedJob.Run()
	by(t, record(t, db), "nightly-cleanup", "orders are closed after 30 days", "", "")
}
