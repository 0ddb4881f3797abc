package doctor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/gorm-audit/auditplugin/alert"
	"github.com/gorm-audit/auditplugin/cmd/auditplugin/internal/output"
	"github.com/gorm-audit/auditplugin/relay"
)

// tooLate is how far behind deliveries may be.
const tooLate = 5 * time.Minute

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

// beside is the name of a table in the audit table's schema.
func (e *Exam) beside(name string) string {
	if schema, _ := e.parts(); schema != "" {
		return schema + "." + name
	}
	return name
}

// relays looks at the subscribers of the relay.
func relays(ctx context.Context, e *Exam, report func(Level, string, string)) error {
	var there, gone []string
	for _, name := range relayTables() {
		found, err := e.there(ctx, e.beside(name))
		if err != nil {
			return err
		}
		if found {
			there = append(there, name)
		} else {
			gone = append(gone, name)
		}
	}
	switch {
	case len(there) == 0:
		report(OK, e.unused(), "")
		return nil
	case len(gone) > 0:
		for _, name := range gone {
			if err := e.readable(ctx, e.beside(name)); errors.As(err, new(lacking)) {
				return err // it may be there
			}
		}
		report(Fail, "its table "+strings.Join(gone, ", ")+" is missing", "run what auditplugin schema --for relay prints")
		return nil
	}
	for _, name := range there {
		if err := e.readable(ctx, e.beside(name)); err != nil {
			return err
		}
	}
	r, err := relay.New(e.DB, relay.AuditTable(e.Table), relay.NoCreate(), relay.WithLogger(quiet()))
	if err != nil {
		return err
	}
	names, err := r.Names(ctx)
	if err != nil {
		return err
	}
	if len(names) == 0 {
		report(OK, "no subscriber yet", "")
		return nil
	}
	well := true
	for _, name := range names {
		st, err := r.Subscriber(name).Stats(ctx)
		if err != nil {
			return err
		}
		if st.Holder == "" {
			well = false
			report(Warn, name+" is served by nobody", "start the process that runs its relay")
		} else if st.Behind > tooLate {
			well = false
			report(Warn, fmt.Sprintf("%s is %s behind", name, st.Behind.Round(time.Second)), "auditplugin relay status says what its sink says")
		}
		if st.Dead > 0 {
			well = false
			report(Warn, name+" has "+output.Count(st.Dead, "dead letter"), "auditplugin relay dead "+name)
		}
	}
	if well {
		report(OK, output.Count(int64(len(names)), "subscriber")+", served and without dead letters", "")
	}
	return nil
}

// alerts looks at the outbox.
func alerts(ctx context.Context, e *Exam, report func(Level, string, string)) error {
	there, err := e.there(ctx, alert.DefaultTable)
	if err != nil {
		return err
	}
	if !there {
		report(OK, e.unused(), "")
		return nil
	}
	if err := e.readable(ctx, alert.DefaultTable); err != nil {
		return err
	}
	engine, err := alert.New(e.DB, nil, nil, alert.NoCreate(), alert.WithAuditTable(e.Table), alert.WithLogger(quiet()))
	if err != nil {
		report(Fail, "the outbox is not what this release reads: "+strings.TrimPrefix(err.Error(), "auditplugin: "), "compare it with auditplugin schema --for alerts")
		return nil
	}
	all, err := engine.Stats(ctx)
	if err != nil {
		return err
	}
	if len(all) == 0 {
		report(OK, "no message yet", "")
		return nil
	}
	well := true
	for _, st := range all {
		if st.Dead > 0 {
			well = false
			report(Warn, output.Count(int64(st.Dead), "message")+" to "+st.Channel+" given up", "auditplugin alerts dead")
		}
		if st.Late > 0 && st.Delay > tooLate {
			well = false
			report(Warn, fmt.Sprintf("%s to %s late, the first by %s", output.Count(int64(st.Late), "message"), st.Channel, st.Delay.Round(time.Second)), "start the process that runs the alert engine")
		}
	}
	if well {
		report(OK, output.Count(int64(len(all)), "channel")+", nothing late or given up", "")
	}
	return nil
}
