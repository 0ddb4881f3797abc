package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/alert"
	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/relay"
)

// runAlerts shows alerts: a support team is told when somebody changes the phone
// number that an account signs in with. One change is committed and told, another is
// rolled back and is not.
func runAlerts(ctx context.Context, out io.Writer, dsn string) (err error) {
	db, closeDB, err := openDatabase(dsn)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeDB()) }()
	plugin, err := install(db, io.Discard)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, plugin.Close(ctx)) }()

	desk := newSupportDesk()
	defer desk.Close()
	stop, err := startAlerts(ctx, db, desk.URL)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()

	var ada Account
	system := audit.WithActor(ctx, audit.Actor{ID: "import", Type: "service", Name: "nightly import"})
	if err := createAccounts(db.WithContext(audit.WithReason(system, "first import")), &ada); err != nil {
		return err
	}
	grace := audit.WithActor(ctx, audit.Actor{ID: "7", Type: "user", Name: "Grace Hopper"})

	fmt.Fprintln(out, "-- change the MFA phone, and change the mind: the transaction is rolled back")
	err = db.WithContext(audit.WithReason(grace, "ticket 1233")).Transaction(func(tx *gorm.DB) error {
		if err := tx.Model(&ada).Update("mfa_phone", "+10000000000").Error; err != nil {
			return err
		}
		return errChangedMind
	})
	if err := expect(out, err, errChangedMind); err != nil {
		return err
	}
	fmt.Fprintln(out, "-- change the MFA phone")
	change := db.WithContext(audit.WithReason(grace, "ticket 1234")).Model(&ada).Update("mfa_phone", "+19876543210")
	if change.Error != nil {
		return change.Error
	}
	return desk.report(ctx, out)
}

// alertRules is what the support team wants to know.
func alertRules() []alert.Rule {
	return []alert.Rule{
		alert.When(alert.Model("account"), alert.Column("mfa_phone"), alert.Action(audit.Update)).
			Named("mfa-phone-changed").Severity(alert.Warning).To("support").
			Link("https://admin.example.com/accounts/{{.RecordID}}"),
	}
}

// startAlerts runs the relay and the alert engine in the background. The returned
// function stops them.
func startAlerts(ctx context.Context, db *gorm.DB, url string) (stop func() error, err error) {
	channels := map[string]alert.Channel{"support": alert.Func(func(ctx context.Context, m alert.Message) error {
		return post(ctx, url, m)
	})}
	engine, err := alert.New(db, alertRules(), channels,
		alert.WithModels(&Account{}), alert.WithTable("tour_audit_alerts"), alert.WithPoll(50*time.Millisecond))
	if err != nil {
		return nil, err
	}
	r, err := relay.New(db, relay.TablePrefix("tour_relay_"), relay.PollEvery(50*time.Millisecond))
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	if err := r.Subscribe(alert.SubscriberName, engine, relay.FromNow()); err != nil {
		cancel()
		return nil, err
	}
	done := make(chan error, 2)
	go func() { done <- engine.Run(ctx) }()
	go func() { done <- r.Run(ctx) }()
	return func() error {
		cancel()
		err := errors.Join(<-done, <-done)
		tables := []any{"tour_audit_alerts", "tour_relay_positions", "tour_relay_leases", "tour_relay_dead"}
		return errors.Join(err, db.Migrator().DropTable(tables...))
	}, nil
}

// post sends a message as JSON.
func post(ctx context.Context, url string, m alert.Message) error {
	body, err := json.Marshal(m)
	if err != nil {
		return relay.Permanent(err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(string(body)))
	if err != nil {
		return relay.Permanent(err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Idempotency-Key", m.ID)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode >= 300 {
		return fmt.Errorf("the support desk answers %s", response.Status)
	}
	return nil
}

// supportDesk is a web server that takes messages.
type supportDesk struct {
	*httptest.Server
	messages chan alert.Message
}

func newSupportDesk() *supportDesk {
	d := &supportDesk{messages: make(chan alert.Message, 100)}
	d.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var m alert.Message
		if err := json.NewDecoder(r.Body).Decode(&m); err != nil {
			http.Error(w, "no message", http.StatusBadRequest)
			return
		}
		d.messages <- m
	}))
	return d
}

// report waits for the first message, and a while for others, and shows them.
func (d *supportDesk) report(ctx context.Context, out io.Writer) error {
	var got []alert.Message
	patience := 20 * time.Second
	for {
		select {
		case m := <-d.messages:
			got = append(got, m)
			patience = 500 * time.Millisecond
			continue
		case <-time.After(patience):
		case <-ctx.Done():
			return ctx.Err()
		}
		break
	}
	fmt.Fprintf(out, "\n== Messages that arrived at the support desk: %d ==\n", len(got))
	for _, m := range got {
		fmt.Fprintf(out, "\n%s\n\n%s\n%s\n", m.Subject, m.Text, m.Link)
	}
	if len(got) != 1 {
		return fmt.Errorf("%d messages arrived, and it should have been 1", len(got))
	}
	return nil
}
