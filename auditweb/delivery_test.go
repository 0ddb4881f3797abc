package auditweb_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/gorm-audit/auditplugin/alert"
	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/auditweb"
	"github.com/gorm-audit/auditplugin/emitter"
	"github.com/gorm-audit/auditplugin/history"
	"github.com/gorm-audit/auditplugin/relay"
)

// What was not delivered is said on the start page, and on one of its own.
func TestDelivery(t *testing.T) {
	db := open(t)
	silent := slog.New(slog.DiscardHandler)
	r, err := relay.New(db, relay.WithLogger(silent), relay.PollEvery(5*time.Millisecond))
	must(t, err)
	refuses := emitter.Func(func(context.Context, []audit.Record) error { return relay.Permanent(errors.New("no <such> table")) })
	must(t, r.Subscribe("warehouse", refuses))
	engine, err := alert.New(db, []alert.Rule{alert.When(alert.Action(audit.Create)).Named("created").To("support")},
		map[string]alert.Channel{"support": alert.Func(func(context.Context, alert.Message) error { return nil })}, alert.WithLogger(silent))
	must(t, err)
	must(t, as(db, "7", "Grace", "").Create(&customer{Name: "Ada"}).Error)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	for {
		stats, err := r.Subscriber("warehouse").Stats(ctx)
		if err != nil && !errors.Is(err, relay.ErrNoSubscriber) {
			t.Fatal(err)
		}
		if stats.Dead > 0 {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	cancel()
	<-done

	h := viewer(t, db, auditweb.Relay(r), auditweb.Alerts(engine))
	get(t, h, "/").has(t, "warehouse did not accept 1 record.")
	page := get(t, h, "/delivery")
	page.has(t, "Alerts and relay", "support 0 0 0 0", "warehouse", "no <such> table")
	page.lacks(t, "<such>")
	scoped := viewer(t, db, auditweb.Relay(r), auditweb.Alerts(engine), auditweb.Scope(func(_ context.Context, q history.Query) history.Query { return q.Type("customer") }))
	if g := get(t, scoped, "/delivery"); g.status != 404 {
		t.Errorf("with a scope: %d", g.status)
	}
	get(t, scoped, "/").lacks(t, "warehouse")
}

// Where the tables of alerts and relay cannot be read, the page says so, and the
// trail is shown all the same.
func TestDeliveryWithoutTables(t *testing.T) {
	db := open(t)
	silent := slog.New(slog.DiscardHandler)
	r, err := relay.New(db, relay.WithLogger(silent))
	must(t, err)
	must(t, r.Subscribe("warehouse", emitter.Func(func(context.Context, []audit.Record) error { return nil })))
	engine, err := alert.New(db, nil, nil, alert.WithLogger(silent))
	must(t, err)
	must(t, as(db, "7", "Grace", "").Create(&customer{Name: "Ada"}).Error)
	h := viewer(t, db, auditweb.Relay(r), auditweb.Alerts(engine))
	var tables []string
	must(t, db.Raw("SELECT name FROM sqlite_master WHERE type = 'table' AND (name LIKE 'audit_alert%' OR name LIKE 'audit_relay%' OR name LIKE '%outbox%')").Scan(&tables).Error)
	for _, name := range tables {
		must(t, db.Migrator().DropTable(name))
	}
	if g := get(t, h, "/delivery"); g.status != 200 {
		t.Errorf("%d", g.status)
	} else {
		g.has(t, "This cannot be read. Its tables may not be there")
	}
	get(t, h, "/").has(t, "What was delivered cannot be read.", "Grace created customer 1")
}
