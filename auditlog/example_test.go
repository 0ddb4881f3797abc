package auditlog_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/auditlog"
)

// Export is what an event of that kind says.
type Export struct {
	Report string   `json:"report" event:"subject,required"`
	Rows   *int     `json:"rows" event:"required"`
	Sent   []string `json:"sent_to,omitempty"`
	Token  string   `json:"download_token,omitempty"` // masked by its name
}

// Exported is defined once, where the program begins.
var Exported = auditlog.Define[Export]("report.export", auditlog.Message("Report exported"), auditlog.Outcome(audit.Success))

func ExampleDefine() {
	show := emitFunc(func(r audit.Record) {
		fmt.Println(r.Message, r.RecordType, r.RecordID, r.Outcome, r.Actor.ID)
		fmt.Println(r.Metadata["event.action"], r.Metadata["rows"], r.Metadata["sent_to"], r.Metadata["download_token"])
	})
	log, err := auditlog.New(slog.Default(), auditlog.WithWriter(io.Discard), auditlog.WithEmitter(show),
		auditlog.WithErrorHandler(func(context.Context, error) {}))
	if err != nil {
		panic(err)
	}
	ctx := audit.WithActor(context.Background(), audit.Actor{ID: "7"})
	rows := 17
	if err := log.Audit.Event(ctx, Exported.Of(Export{Report: "q3", Rows: &rows, Token: "t0p"})); err != nil {
		panic(err)
	}
	err = log.Audit.Event(ctx, Exported.Of(Export{Rows: &rows}))
	fmt.Println(err, errors.Is(err, auditlog.ErrRequired))
	// Output:
	// Report exported report q3 success 7
	// report.export 17 <nil> ***
	// auditplugin: a required field of an event is empty: report.export: report true
}

func ExampleCatalogue() {
	catalogue, err := auditlog.NewCatalogue(Exported)
	if err != nil {
		panic(err)
	}
	if err := catalogue.WriteText(os.Stdout); err != nil {
		panic(err)
	}
	// Output:
	// report.export: Report exported (about report)
	//     report: text, subject, required
	//     rows: integer, required
	//     sent_to: list of text
	//     download_token: text, masked
}

// emitFunc is an emitter of single records.
type emitFunc func(audit.Record)

func (f emitFunc) Emit(_ context.Context, records []audit.Record) error {
	for _, r := range records {
		f(r)
	}
	return nil
}
