package history

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/gorm-audit/auditplugin/audit"
)

// Text writes records for people to read, each as a heading with time, action, row
// and actor, and below it the reason and the fields, old → new:
//
//	2026-11-23 11:17:59 UTC  update account 1  by Grace (user 7)
//	    reason: ticket 1234
//	    mfa_phone: "+12345678900" → "+19876543210"
//
// Masked values are shown as ***, hashed ones by the beginning of their hash, and
// erased ones as erased. Long
// values are cut (see [Width]). Control characters, line breaks and characters that
// change the direction of text are written as escapes, so that no value can forge
// a line or speak to a terminal. It returns the first error of w.
func Text(w io.Writer, records []audit.Record, opts ...FormatOption) error {
	return newFormat(opts).write(context.Background(), w, records)
}

func (f format) write(ctx context.Context, w io.Writer, records []audit.Record) error {
	entries, err := f.named(ctx, records)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if _, err := io.WriteString(w, f.text(e)); err != nil {
			return fmt.Errorf("auditplugin: writing the timeline: %w", err)
		}
	}
	return nil
}

func (f format) text(e Entry) string {
	var b strings.Builder
	b.WriteString(e.Time.Format("2006-01-02 15:04:05 MST"))
	if e.Ago != "" {
		b.WriteString(" (" + e.Ago + ")")
	}
	b.WriteString("  " + f.heading(e))
	if who := e.actor(); who != "" {
		b.WriteString("  by " + f.visible(who))
	}
	if e.Outcome != "" && e.Outcome != audit.Success {
		b.WriteString("  [" + f.visible(string(e.Outcome)) + "]")
	}
	b.WriteByte('\n')
	line := func(name, text string) {
		if text == "" {
			return
		}
		b.WriteString("    ")
		if name != "" {
			b.WriteString(name + ": ")
		}
		b.WriteString(text + "\n")
	}
	line("", f.visible(e.Message))
	line("reason", f.visible(e.Reason))
	for _, c := range e.Fields {
		name, from, to := c.Path, f.called(f.visible(c.FromName), f.value(c.From)), f.called(f.visible(c.ToName), f.value(c.To))
		if c.Label != "" {
			name = c.Label
		}
		switch {
		case e.Action == audit.Create || e.Action == audit.Event && c.From == nil: // a baseline
			line(f.visible(name), to)
		case e.Action == audit.Delete:
			line(f.visible(name), from)
		default:
			line(f.visible(name), from+" → "+to)
		}
	}
	line("metadata", f.pairs(e.said()))
	if e.Cause != "" {
		line("follows from", f.visible(e.Cause))
	}
	if e.Newer {
		line("", "(written by a newer release)")
	}
	if f.details {
		line("record", f.visible(e.ID))
		line("transaction", f.visible(e.TransactionID))
		line("tenant", f.visible(e.Tenant))
		line("session", f.visible(e.Actor.SessionID))
		line("request", f.visible(strings.TrimSpace(e.RequestID+" "+e.IP)))
		line("written by", f.visible(strings.TrimSpace(e.Application+" "+e.Host)))
		if !e.Source.IsZero() {
			line("at", f.visible(e.Source.File+":"+strconv.Itoa(e.Source.Line)))
		}
	}
	return b.String()
}

// subject names the row: its type, or else its table, and its key.
func (e Entry) subject() string {
	what := e.RecordType
	if what == "" {
		what = e.Table
	}
	switch {
	case e.Name != "":
		what += " " + e.Name + " (" + e.RecordID + ")"
	case e.RecordID != "":
		what += " " + e.RecordID
	}
	return what
}

// actor says who, and for whom: "Ada (user 7) for Grace (customer 9)".
func (e Entry) actor() string {
	if e.byTrigger() && e.Actor.Type == "db" {
		return e.databaseUser()
	}
	who := person(e.Actor.ID, e.Actor.Type, e.Actor.Name)
	if p := e.Actor.OnBehalfOf; !p.IsZero() {
		who = strings.TrimSpace(who + " for " + person(p.ID, p.Type, p.Name))
	}
	return who
}

func person(id, kind, name string) string {
	id = strings.TrimSpace(kind + " " + id)
	switch {
	case name == "":
		return id
	case id == "":
		return name
	}
	return name + " (" + id + ")"
}

// value shows a value of an image.
func (f format) value(v any) string {
	switch x := v.(type) {
	case nil:
		return "NULL"
	case string:
		switch hidden(x) {
		case "masked":
			return f.visible(x)
		case "hashed":
			return "hashed " + f.visible(firstCharacters(x[strings.LastIndexByte(x, ':')+1:], 8))
		}
		return f.quoted(x)
	case map[string]any:
		if isErased(x) {
			return "erased"
		}
		if n, ok := largeBytes(x); ok {
			if n == "" {
				return "(too large)"
			}
			return "(" + f.visible(n) + " bytes)"
		}
	}
	return f.visible(jsonText(v))
}

func (f format) pairs(m map[string]any) string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	for i, name := range names {
		names[i] = f.visible(name) + "=" + f.value(m[name])
	}
	return strings.Join(names, " ")
}

// quoted cuts s and quotes it as Go does, which escapes all that does not print.
func (f format) quoted(s string) string {
	short, cut := f.cut(s)
	if cut {
		return strconv.Quote(short) + "…"
	}
	return strconv.Quote(short)
}

// visible cuts s and escapes what does not print.
func (f format) visible(s string) string {
	short, cut := f.cut(s)
	if cut {
		short += "…"
	}
	if strings.IndexFunc(short, func(r rune) bool { return !unicode.IsPrint(r) }) < 0 && utf8.ValidString(short) {
		return short
	}
	var b strings.Builder
	for _, r := range short {
		if unicode.IsPrint(r) {
			b.WriteRune(r)
			continue
		}
		b.WriteString(strings.Trim(strconv.QuoteRune(r), "'"))
	}
	return b.String()
}

func (f format) cut(s string) (string, bool) {
	if f.width <= 0 || utf8.RuneCountInString(s) <= f.width {
		return s, false
	}
	return firstCharacters(s, f.width), true
}

func firstCharacters(s string, n int) string {
	for i := range s {
		if n == 0 {
			return s[:i]
		}
		n--
	}
	return s
}
