package docs_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strings"

	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/auditlog"
	"github.com/gorm-audit/auditplugin/emitter"
)

type patient struct {
	ID   string
	Name string
}

// clinic is a service with an audited database and the audit logger beside it.
func clinic() (*gorm.DB, *auditlog.Logger) {
	db := must(gorm.Open(sqlite.Open("file::memory:"), &gorm.Config{Logger: logger.Discard}))
	must(db.DB()).SetMaxOpenConns(1) // it would be another memory each
	check(db.AutoMigrate(&patient{}))
	check(db.Create(&patient{ID: "p1", Name: "Grace"}).Error)
	check(db.Use(auditplugin.New()))
	table := must(emitter.Table().Bind(db))
	log := must(auditlog.New(slog.Default(), auditlog.WithApplication("clinic"), auditlog.WithWriter(io.Discard),
		auditlog.WithEmitter(table), auditlog.WithErrorHandler(func(_ context.Context, err error) { panic(err) })))
	return db, log
}

// show prints what the audit table holds.
func show(db *gorm.DB) {
	var rows []struct{ Action, Outcome, RecordType, RecordID, Message, Reason, ActorID, Metadata string }
	check(db.Table("audit_logs").Select("action, outcome, record_type, record_id, message, coalesce(reason, '') AS reason, coalesce(actor_id, '') AS actor_id, coalesce(metadata, '{}') AS metadata").
		Order("seq").Find(&rows).Error)
	for _, r := range rows {
		fmt.Printf("%s %s of %s %s by %q: %s", r.Action, r.Outcome, r.RecordType, r.RecordID, r.ActorID, r.Message)
		if r.Reason != "" {
			fmt.Printf(" (%s)", r.Reason)
		}
		var metadata map[string]any
		check(json.Unmarshal([]byte(r.Metadata), &metadata))
		for _, key := range slices.Sorted(maps.Keys(metadata)) {
			if key == "error.stack_trace" {
				metadata[key] = strings.Contains(fmt.Sprint(metadata[key]), "events_example_test.go")
			}
			fmt.Printf("; %s=%v", key, metadata[key])
		}
		fmt.Println()
	}
}

func must[T any](v T, err error) T {
	check(err)
	return v
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stdout, err)
		panic(err)
	}
}

func Example_signIns() {
	db, log := clinic()
	ctx := audit.WithRequest(context.Background(), audit.Request{ID: "r1", IP: "192.0.2.1"})
	log.Audit.InfoContext(audit.WithActor(ctx, audit.Actor{ID: "u7", Type: "user"}), "Signed in",
		auditlog.Action("user.sign_in"), auditlog.Category("authentication"),
		auditlog.Outcome(audit.Success), auditlog.About("user", "u7"))
	log.Audit.WarnContext(ctx, "Sign-in refused",
		auditlog.Action("user.sign_in"), auditlog.Category("authentication"),
		auditlog.Outcome(audit.Failure), auditlog.About("user", "u7"), "event.reason", "wrong second factor")
	show(db)
	// Output:
	// event success of user u7 by "u7": Signed in; event.action=user.sign_in; event.category=[authentication]
	// event failure of user u7 by "": Sign-in refused (wrong second factor); event.action=user.sign_in; event.category=[authentication]
}

func Example_refusedAccess() {
	db, log := clinic()
	ctx := audit.WithActor(context.Background(), audit.Actor{ID: "u7"})
	log.Audit.WarnContext(ctx, "Access refused",
		auditlog.Action("document.read"), auditlog.Category("iam"),
		auditlog.Outcome(audit.Failure), auditlog.About("document", "d3"), "permission", "documents:read")
	show(db)
	// Output:
	// event failure of document d3 by "u7": Access refused; event.action=document.read; event.category=[iam]; permission=documents:read
}

func Example_sensitiveRead() {
	db, log := clinic()
	ctx := audit.WithReason(audit.WithActor(context.Background(), audit.Actor{ID: "u7"}), "case 1234")
	log.Audit.InfoContext(ctx, "Patient file opened",
		auditlog.Action("patient.read"), auditlog.Category("database"),
		auditlog.Outcome(audit.Success), auditlog.About("patient", "p1"))

	// No read without its record: both in one transaction.
	read := func(id string) (found patient, err error) {
		err = db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
			if err := tx.First(&found, "id = ?", id).Error; err != nil {
				return err
			}
			return auditplugin.Event(tx, audit.Record{
				RecordType: "patient", RecordID: id, Message: "Patient file opened", Outcome: audit.Success,
			})
		})
		return found, err
	}
	found, err := read("p1")
	fmt.Println(found.Name, err)
	_, err = read("nobody")
	fmt.Println(err)
	show(db)
	// Output:
	// Grace <nil>
	// record not found
	// event success of patient p1 by "u7": Patient file opened (case 1234); event.action=patient.read; event.category=[database]
	// event success of patient p1 by "u7": Patient file opened (case 1234)
}

func Example_changeElsewhere() {
	db, log := clinic()
	before := map[string]any{"id": "u7", "phone": "+1234567890", "token": "old"}
	after := map[string]any{"id": "u7", "phone": "+19876543210", "token": "new"}
	check(log.Audit.RecordUpdated(context.Background(), "Edit made to MFA information", "user", before, after, auditlog.ID("u7")))
	var changes string
	check(db.Table("audit_logs").Select("changes").Take(&changes).Error)
	fmt.Println(changes)
	// Output:
	// [{"path":"phone","from":"+1234567890","to":"+19876543210"},{"path":"token","from":"***","to":"***"}]
}

func Example_callStack() {
	db, log := clinic()
	log.Audit.Error("Ledger does not balance", auditlog.Outcome(audit.Failure), auditlog.Stack())
	show(db)
	// Output:
	// event failure of   by "": Ledger does not balance; error.stack_trace=true
}

// ShareRecord is what an event of that kind says.
type ShareRecord struct {
	Patient string `json:"patient_id" event:"subject,required"`
	With    string `json:"with" event:"required"`
	Token   string `json:"link_token"`
}

func Example_typedEvents() {
	shared := auditlog.Define[ShareRecord]("patient.share", auditlog.Message("Patient file shared"), auditlog.Outcome(audit.Success))
	db, log := clinic()
	ctx := audit.WithActor(context.Background(), audit.Actor{ID: "u7"})
	event := shared.Of(ShareRecord{Patient: "p1", With: "Dr Who", Token: "t0p"})

	check(log.Audit.Event(ctx, event))
	check(db.WithContext(ctx).Transaction(func(tx *gorm.DB) error { return auditplugin.EventOf(tx, event) }))
	fmt.Println(auditplugin.EventOf(db, shared.Of(ShareRecord{Patient: "p1"})))
	show(db)
	// Output:
	// auditplugin: a required field of an event is empty: patient.share: with
	// event success of patient p1 by "u7": Patient file shared; event.action=patient.share; link_token=***; patient_id=p1; with=Dr Who
	// event success of patient p1 by "u7": Patient file shared; event.action=patient.share; link_token=***; patient_id=p1; with=Dr Who
}
