package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"strconv"
	"strings"
	"time"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/cmd/auditplugin/internal/output"
	"github.com/gorm-audit/auditplugin/history"
)

// found tells where nothing was.
func (s *session) found(p *output.Printer, n int, what string) error {
	if n > 0 {
		return nil
	}
	if s.flags.failEmpty {
		return errNone
	}
	if p.Format == output.Table || p.Format == output.Wide || p.Format == output.Text {
		_, err := fmt.Fprintln(s.app.Stderr, output.Visible(what))
		return err
	}
	return nil
}

// show writes all items; nothing is what is said where there are none.
func show[T any](s *session, all []T, nothing string, columns []output.Column[T]) error {
	p, err := s.printer()
	if err != nil {
		return err
	}
	n, err := output.List(p, columns, output.Items(all))
	if err != nil {
		return err
	}
	return s.found(p, n, nothing)
}

// number is a column of whole numbers.
func number[T any, N int | int64](name string, of func(T) N) output.Column[T] {
	return output.Column[T]{Name: name, Text: func(item T) string { return strconv.FormatInt(int64(of(item)), 10) }}
}

func (s *session) write(p *output.Printer, records iter.Seq2[audit.Record, error], row bool) (int, error) {
	if p.Format == output.Text {
		return s.text(p.Out, records)
	}
	return output.List(p, s.recordColumns(p, row), records)
}

// text writes records as history.Text does, each as it comes.
func (s *session) text(w io.Writer, records iter.Seq2[audit.Record, error], opts ...history.FormatOption) (n int, err error) {
	opts = append(opts, history.Zone(s.zone()))
	for r, err := range records {
		if err != nil {
			return n, err
		}
		if err := history.Text(w, []audit.Record{r}, opts...); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

// recordColumns are the columns of records. row says that all are about one row.
func (s *session) recordColumns(p *output.Printer, row bool) []output.Column[audit.Record] {
	at := func(r audit.Record) string { return s.clock(r.Time) }
	if p.Format == output.CSV || p.Format == output.Wide {
		at = func(r audit.Record) string { return r.Time.In(s.zone()).Format(time.RFC3339Nano) }
	}
	most, changes := 0, changesText
	if p.Format == output.Table {
		most, changes = 240, s.changesShort
	}
	column := func(name string, text func(audit.Record) string) output.Column[audit.Record] {
		return output.Column[audit.Record]{Name: name, Text: text}
	}
	wide := func(name string, text func(audit.Record) string) output.Column[audit.Record] {
		return output.Column[audit.Record]{Name: name, Text: text, Wide: true}
	}
	return []output.Column[audit.Record]{
		column("seq", func(r audit.Record) string { return strconv.FormatInt(r.Seq, 10) }),
		column("time", at),
		column("action", func(r audit.Record) string { return actionText(r) }),
		{Name: "row", Text: rowText, Wide: row || p.Format == output.CSV},
		column("by", func(r audit.Record) string { return actorText(r.Actor) }),
		column("changes", func(r audit.Record) string { return output.Cut(changes(r), most) }),
		column("reason", func(r audit.Record) string { return output.Cut(r.Reason, most) }),
		wide("table", func(r audit.Record) string { return r.Table }),
		wide("record_id", func(r audit.Record) string { return r.RecordID }),
		wide("record_type", func(r audit.Record) string { return r.RecordType }),
		wide("message", func(r audit.Record) string { return r.Message }),
		wide("actor_id", func(r audit.Record) string { return r.Actor.ID }),
		wide("actor_type", func(r audit.Record) string { return r.Actor.Type }),
		wide("actor_name", func(r audit.Record) string { return r.Actor.Name }),
		wide("outcome", func(r audit.Record) string { return string(r.Outcome) }),
		wide("transaction", func(r audit.Record) string { return r.TransactionID }),
		wide("request", func(r audit.Record) string { return r.RequestID }),
		wide("ip", func(r audit.Record) string { return r.IP }),
		wide("application", func(r audit.Record) string { return r.Application }),
		wide("source", func(r audit.Record) string { return sourceText(r.Source) }),
		wide("cause", func(r audit.Record) string { return r.Cause }),
		wide("id", func(r audit.Record) string { return r.ID }),
	}
}

func actionText(r audit.Record) string {
	if r.Outcome != "" && r.Outcome != audit.Success {
		return string(r.Action) + " (" + string(r.Outcome) + ")"
	}
	return string(r.Action)
}

func rowText(r audit.Record) string {
	what := r.RecordType
	if what == "" {
		what = r.Table
	}
	return strings.TrimSpace(what + " " + r.RecordID)
}

func actorText(a audit.Actor) string {
	id := strings.TrimSpace(a.Type + " " + a.ID)
	switch {
	case a.Name == "":
		return id
	case id == "":
		return a.Name
	}
	return a.Name + " (" + id + ")"
}

func sourceText(s audit.Source) string {
	if s.IsZero() {
		return ""
	}
	return s.File + ":" + strconv.Itoa(s.Line)
}

// changesText says what a record changed, on one line.
func changesText(r audit.Record) string {
	return changesLine(r, func(history.Field) bool { return true }, output.Value)
}

// changesShort is changesText for a column of a table: times are short, and those that
// GORM sets by itself are left out beside others.
func (s *session) changesShort(r audit.Record) string {
	line := changesLine(r, func(f history.Field) bool { return f.Path != "updated_at" && f.Path != "created_at" }, s.short)
	if line == "" || line == r.Message {
		return changesLine(r, func(history.Field) bool { return true }, s.short)
	}
	return line
}

// short is output.Value with times as the other columns show them.
func (s *session) short(v any) string {
	if text, ok := v.(string); ok && len(text) > len(time.DateOnly) {
		if t, err := time.Parse(time.RFC3339Nano, text); err == nil {
			return s.clock(t)
		}
	}
	return output.Value(v)
}

func changesLine(r audit.Record, keep func(history.Field) bool, value func(any) string) string {
	var parts []string
	for _, f := range history.Timeline([]audit.Record{r})[0].Fields {
		switch {
		case !keep(f):
		case f.From == nil && r.Action != audit.Update && r.Action != audit.SoftDelete && r.Action != audit.Restore:
			parts = append(parts, f.Path+": "+value(f.To))
		case r.Action == audit.Delete:
			parts = append(parts, f.Path+": "+value(f.From))
		default:
			parts = append(parts, f.Path+": "+value(f.From)+" → "+value(f.To))
		}
	}
	if len(parts) == 0 {
		return r.Message
	}
	return strings.Join(parts, "; ")
}

// record finds the record with an id, or a seq.
func (s *session) record(ctx context.Context, db *gorm.DB, id string) (audit.Record, error) {
	q := s.search(db)
	if seq, err := strconv.ParseInt(id, 10, 64); err == nil {
		q = q.Scopes(func(tx *gorm.DB) *gorm.DB { return tx.Where("seq = ?", seq) })
	} else {
		q = q.ID(id)
	}
	r, err := q.First(ctx)
	if errors.Is(err, history.ErrNotFound) {
		return r, fmt.Errorf("%w: no record has the id or seq %q", history.ErrNotFound, id)
	}
	return r, err
}
