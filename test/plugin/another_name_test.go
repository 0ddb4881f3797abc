package plugin_test

import (
	"testing"
	"time"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/alert"
	"github.com/gorm-audit/auditplugin/emitter"
	"github.com/gorm-audit/auditplugin/history"
	"github.com/gorm-audit/auditplugin/relay"
)

// A trail's name is said once: to the emitter.
func TestTrailOfAnotherName(t *testing.T) {
	db := openDB(t)
	if err := db.Use(auditplugin.New(auditplugin.WithEmitter(emitter.Table(emitter.Name("log_book"))))); err != nil {
		t.Fatal(err)
	}
	if err := db.Create(&user{ID: 1, Name: "Ada"}).Error; err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	if r, err := history.Of(db, &user{ID: 1}).First(ctx); err != nil || r.RecordID != "1" {
		t.Errorf("history: %v, %v", r, err)
	}
	follower, err := relay.Follow(ctx, db, 0)
	if err != nil {
		t.Fatal(err)
	}
	for r, err := range follower.Records(ctx) {
		if err != nil || r.RecordID != "1" {
			t.Errorf("relay: %v, %v", r, err)
		}
		break
	}
	delivered := func() int64 {
		r, err := relay.New(db)
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Subscribe("all", emitter.Memory()); err != nil {
			t.Fatal(err)
		}
		stats, err := r.Stats(ctx)
		if err != nil || len(stats) != 1 {
			t.Fatalf("relay: %v, %v", stats, err)
		}
		return stats[0].Lag
	}
	if n := delivered(); n != 1 {
		t.Errorf("the relay has %d records to deliver, want 1", n)
	}
	rules := []alert.Rule{alert.When(alert.Table("users")).Named("users").To("desk")}
	report, err := alert.DryRun(ctx, db, rules, time.Now().Add(-time.Hour), time.Now().Add(time.Hour))
	if err != nil || report.Records != 1 {
		t.Errorf("alert: %+v, %v", report, err)
	}
}
