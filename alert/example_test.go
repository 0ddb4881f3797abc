package alert_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"gorm.io/driver/sqlite"
	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/alert"
	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/relay"
)

// exampleDB is a database with a user in it, and the plugin.
func exampleDB() (*gorm.DB, func()) {
	dir, err := os.MkdirTemp("", "alert-example-")
	if err != nil {
		panic(err)
	}
	db, err := gorm.Open(sqlite.Open(dir + "/example.db"))
	if err != nil {
		panic(err)
	}
	if err := errors.Join(db.AutoMigrate(&User{}), db.Use(auditplugin.New()), db.Create(&User{ID: 7, Name: "Grace"}).Error); err != nil {
		panic(err)
	}
	return db, func() {
		if pool, err := db.DB(); err == nil {
			_ = pool.Close()
		}
		_ = os.RemoveAll(dir)
	}
}

// change changes something as Ada.
func exampleChange(db *gorm.DB, column, value string) {
	ctx := audit.WithActor(context.Background(), audit.Actor{ID: "42", Type: "user", Name: "Ada Lovelace"})
	ctx = audit.WithReason(ctx, "ticket 1234")
	if err := db.WithContext(ctx).Model(&User{ID: 7}).Update(column, value).Error; err != nil {
		panic(err)
	}
}

// A rule, a channel, and the relay that brings the records.
func Example() {
	db, done := exampleDB()
	defer done()

	sent := make(chan struct{})
	channels := map[string]alert.Channel{
		"support": alert.Func(func(_ context.Context, m alert.Message) error {
			fmt.Println(m.Subject)
			fmt.Println(m.Body())
			close(sent)
			return nil
		}),
	}
	rules := []alert.Rule{
		alert.When(alert.Model("user"), alert.Column("mfa_phone"), alert.Action(audit.Update)).
			Named("mfa-phone-changed").To("support").
			Text("{{.Who}} changed the {{range .Changes}}{{.Label}}{{end}} of {{.Row}} ({{.Reason}})").
			Link("https://admin.example.com/users/{{.RecordID}}"),
	}
	engine, err := alert.New(db, rules, channels, alert.WithModels(&User{}), alert.WithLabels(map[string]string{"user": "customer"}))
	if err != nil {
		panic(err)
	}
	r, err := relay.New(db, relay.PollEvery(10*time.Millisecond))
	if err != nil {
		panic(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	stopped := make(chan error)
	go func() { stopped <- alert.Run(ctx, r, engine) }()

	exampleChange(db, "mfa_phone", "+4912345")

	<-sent
	cancel()
	if err := <-stopped; err != nil {
		panic(err)
	}
	// Output:
	// MFA phone changed: customer 7
	// Ada Lovelace (user 42) changed the MFA phone of customer 7 (ticket 1234)
	// https://admin.example.com/users/7
}

// What would a rule have sent?
func ExampleDryRun() {
	db, done := exampleDB()
	defer done()
	for _, name := range []string{"Grace Hopper", "Grace B. Hopper", "Admiral Hopper"} {
		exampleChange(db, "name", name)
	}

	rule := alert.When(alert.Column("name"), alert.Action(audit.Update)).Named("renamed").To("support").
		Text("{{range .Changes}}{{.From}} → {{.To}}{{end}}").Digest(time.Hour)
	report, err := alert.DryRun(context.Background(), db, []alert.Rule{rule}, time.Now().AddDate(0, 0, -7), time.Now())
	if err != nil {
		panic(err)
	}
	for _, m := range report.Messages {
		fmt.Println(m.Channel, "|", m.Subject)
		fmt.Println(m.Text)
	}
	fmt.Println(report.Records, "records read")
	// Output:
	// support | Renamed: 3 changes
	// Renamed: 3 changes:
	// - Grace → Grace Hopper
	// - Grace Hopper → Grace B. Hopper
	// - Grace B. Hopper → Admiral Hopper
	// 4 records read
}

// Too many of the same kind.
func ExampleMoreThan() {
	rule := alert.When(
		alert.Action(audit.Delete, audit.SoftDelete),
		alert.MoreThan(20).In(time.Minute).By(alert.ByActor),
	).Named("mass-deletion").Severity(alert.Critical).To("on-call")
	fmt.Println(rule)
	// Output:
	// mass-deletion: all of (action delete or soft_delete, more than 20 in a minute by actor)
}

// Mistakes are found when the rules are given, all of them.
func ExampleCheck() {
	err := alert.Check(nil, []alert.Rule{
		alert.When(alert.Model("user")).Named("any-change").To("support", "nowhere"),
		alert.When(alert.Value("role", alert.Becomes("admin"))).Named("new-admin").To("support").Text("{{.Whom}}"),
	}, map[string]alert.Channel{"support": alert.Slog(nil)})
	fmt.Println(errors.Is(err, alert.ErrInvalidRule), errors.Is(err, alert.ErrUnknownChannel))
	fmt.Println(err)
	// Output:
	// true true
	// auditplugin: invalid alert rule "any-change": auditplugin: unknown alert channel: "nowhere"; known are support
	// auditplugin: invalid alert rule "new-admin": template: text:1:2: executing "text" at <.Whom>: can't evaluate field Whom in type alert.View
}

// Messages that could not be sent are kept, and sent when the channel works again.
func ExampleEngine_Replay() {
	db, done := exampleDB()
	defer done()
	ctx, cancel := context.WithCancel(context.Background())
	works := make(chan struct{})
	sent := make(chan string)
	channel := alert.Func(func(_ context.Context, m alert.Message) error {
		select {
		case <-works:
			sent <- m.Subject
			return nil
		default:
			return relay.Permanent(errors.New("the room does not exist"))
		}
	})
	rule := alert.When(alert.Column("role")).Named("role-changed").To("support")
	engine, err := alert.New(db, []alert.Rule{rule}, map[string]alert.Channel{"support": channel}, alert.WithLogger(discard()))
	if err != nil {
		panic(err)
	}
	r, err := relay.New(db, relay.PollEvery(10*time.Millisecond))
	if err != nil {
		panic(err)
	}
	stopped := make(chan error)
	go func() { stopped <- alert.Run(ctx, r, engine, relay.FromSeq(2)) }()
	exampleChange(db, "role", "admin")

	var dead []alert.DeadMessage
	for len(dead) == 0 {
		time.Sleep(10 * time.Millisecond)
		if dead, err = engine.Dead(ctx, 10); err != nil {
			panic(err)
		}
	}
	fmt.Println(dead[0].Subject, "|", dead[0].Error)
	close(works)
	n, err := engine.Replay(ctx, dead[0].ID)
	fmt.Println(n, err, "|", <-sent)
	cancel()
	if err := <-stopped; err != nil {
		panic(err)
	}
	// Output:
	// Role changed: user 7 | the room does not exist
	// 1 <nil> | Role changed: user 7
}
