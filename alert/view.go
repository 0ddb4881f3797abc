package alert

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gorm-audit/auditplugin/audit"
)

// View is what the templates of a rule see of a record. All texts are safe to show:
// on one line, cut where they are long, redacted as the record is. In link
// templates they are percent-encoded as well.
type View struct {
	// Rule and Title are the rule's name and its title in words; Severity is its
	// severity.
	Rule, Title, Severity string
	// Sentence is the default message: who did what to which row, from what to what,
	// why and when.
	Sentence string
	// Who is the actor in words: "Ada Lovelace (user 42)".
	Who                           string
	ActorID, ActorType, ActorName string
	// Did is the action in the past tense ("changed"), Action its name ("update").
	Did, Action string
	// Row is the row in words: "user 7". Model is the record type's label.
	Row, Model, RecordType, Table, RecordID string
	// Changes are the changed fields that the rule's conditions name, or all of
	// them if they name none. In creates and deletes there are those named only.
	Changes []Field
	// Others are the labels of the other fields that changed, but for updated_at.
	Others []string
	// Before, After and Metadata hold values in words, by column or key. What is not
	// there is empty.
	Before, After, Metadata                              map[string]string
	Reason, Message, Application, RequestID, Transaction string
	IP                                                   string
	// Tenant is the record's; OnBehalfOf is for whom the actor acted, in words.
	Tenant, OnBehalfOf string
	// Record is the audit record's id.
	Record string
	// Time is when the change was made, in words and in the configured time zone; At
	// is the same as a time.
	Time string
	At   time.Time
	// Count is how many records the fullest window holds, in rules with a count, and
	// Window is its length in words.
	Count  int
	Window string
}

// Field is one changed field.
type Field struct {
	// Path is the column, or the place in a JSON column; Label is it in words.
	Path, Label string
	// From and To are the values in words.
	From, To string
}

// wording is how records are put into words.
type wording struct {
	labels map[string]string
	zone   *time.Location
	layout string
}

func (w wording) label(r *audit.Record, path string) string {
	for _, key := range []string{r.RecordType + "." + path, r.Table + "." + path, path} {
		if l, ok := w.labels[key]; ok {
			return oneLine(l)
		}
	}
	return quoted(words(path), nameLimit) // keys inside JSON columns are data
}

// maxFields is how many changed fields a message spells out.
const maxFields = 8

func (w wording) view(c *compiled, r *audit.Record, count int) View {
	text := func(s string) string { return quoted(s, nameLimit) }
	v := View{
		Rule: oneLine(c.rule.name), Title: oneLine(c.rule.heading()), Severity: c.rule.severity.String(),
		ActorID: text(r.Actor.ID), ActorType: text(r.Actor.Type), ActorName: text(r.Actor.Name),
		Action: text(string(r.Action)), RecordType: text(r.RecordType), Table: text(r.Table), RecordID: text(r.RecordID),
		Reason: text(r.Reason), Message: text(r.Message), Application: text(r.Application),
		RequestID: text(r.RequestID), Transaction: text(r.TransactionID), IP: text(r.IP), Record: text(r.ID),
		Tenant:     text(r.Tenant),
		OnBehalfOf: person(text(r.Actor.OnBehalfOf.ID), text(r.Actor.OnBehalfOf.Type), text(r.Actor.OnBehalfOf.Name)),
		Before:     image(r.Before), After: image(r.After), Metadata: image(r.Metadata),
		At: r.Time.In(w.zone), Count: count,
	}
	v.Time = v.At.Format(w.layout)
	v.Model = w.model(r)
	v.Row = strings.TrimSpace(v.Model + " " + v.RecordID)
	v.Who = who(v)
	v.Did = did(r.Action)
	if n := c.rule.countOf(); n != nil {
		v.Window = span(n.window)
	}
	w.fields(&v, c, r)
	v.Sentence = sentence(c, r, &v)
	return v
}

func (w wording) model(r *audit.Record) string {
	if l, ok := w.labels[r.RecordType]; ok {
		return oneLine(l)
	}
	return quoted(words(firstOf(r.RecordType, r.Table)), nameLimit)
}

// fields fills in what changed.
func (w wording) fields(v *View, c *compiled, r *audit.Record) {
	add := func(path string, f field) {
		v.Changes = append(v.Changes, Field{
			Path: quoted(path, nameLimit), Label: w.label(r, path), From: shown(f.from), To: shown(f.to),
		})
	}
	told := map[string]bool{}
	for _, path := range c.focus {
		if f := find(r, path); f.changed && !told[path] {
			told[path] = true
			add(path, f)
		}
	}
	if r.Action == audit.Create || r.Action == audit.Delete {
		return
	}
	focused := len(v.Changes) > 0
	for _, change := range r.Changes {
		// GORM's own time stamp says nothing that the message does not.
		if change.Path == "updated_at" && len(r.Changes) > 1 && !slices.Contains(c.focus, change.Path) {
			continue
		}
		if told[change.Path] || slices.ContainsFunc(c.focus, func(p string) bool {
			return told[p] && (strings.HasPrefix(change.Path, p+".") || strings.HasPrefix(p, change.Path+"."))
		}) {
			continue
		}
		if focused || len(v.Changes) >= maxFields {
			v.Others = append(v.Others, w.label(r, change.Path))
			continue
		}
		add(change.Path, field{from: change.From, to: change.To})
	}
}

func image(values map[string]any) map[string]string {
	out := make(map[string]string, len(values))
	for k, v := range values {
		out[k] = shown(v)
	}
	return out
}

// who names the actor.
func who(v View) string {
	w := person(v.ActorID, v.ActorType, v.ActorName)
	switch {
	case w == "":
		w = "Somebody who is not named"
	case v.ActorName == "":
		w = capital(w)
	}
	if v.OnBehalfOf != "" {
		w += " for " + v.OnBehalfOf
	}
	return w
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

func did(a audit.Action) string {
	switch a {
	case audit.Create:
		return "created"
	case audit.Update:
		return "changed"
	case audit.Delete:
		return "deleted"
	case audit.SoftDelete:
		return "deleted (it can be restored)"
	case audit.Restore:
		return "restored"
	case audit.Raw:
		return "ran SQL on"
	}
	return "did something with"
}

// sentence is the default message.
func sentence(c *compiled, r *audit.Record, v *View) string {
	var b strings.Builder
	if c.count != nil {
		fmt.Fprintf(&b, "%d changes within %s%s; the rule allows %d. The last one told of: ", v.Count, v.Window, groupWords(c.count, v), c.count.limit)
	}
	b.WriteString(v.Who)
	switch {
	case r.Action == audit.Update && len(v.Changes) == 1:
		fmt.Fprintf(&b, " changed the %s of %s: %s → %s", v.Changes[0].Label, v.Row, v.Changes[0].From, v.Changes[0].To)
	case r.Action == audit.Event:
		b.WriteString(": " + firstOf(v.Message, "an event"))
		if v.Row != "" {
			b.WriteString(" (" + v.Row + ")")
		}
	case r.Action == audit.Raw:
		fmt.Fprintf(&b, " ran SQL on the table %s: %s", v.Table, v.Message)
	case r.Action == audit.SoftDelete:
		fmt.Fprintf(&b, " deleted %s; it can be restored", v.Row)
	default:
		fmt.Fprintf(&b, " %s %s", v.Did, v.Row)
		for i, f := range v.Changes {
			b.WriteString(map[bool]string{true: ": ", false: ", "}[i == 0])
			switch r.Action {
			case audit.Create:
				fmt.Fprintf(&b, "%s %s", f.Label, f.To)
			case audit.Delete:
				fmt.Fprintf(&b, "%s %s", f.Label, f.From)
			default:
				fmt.Fprintf(&b, "%s %s → %s", f.Label, f.From, f.To)
			}
		}
	}
	if len(v.Others) > 0 {
		fmt.Fprintf(&b, "; also changed: %s", clip(strings.Join(v.Others, ", "), nameLimit))
	}
	if v.Message != "" && r.Action != audit.Event && r.Action != audit.Raw {
		b.WriteString("; " + v.Message)
	}
	if v.Reason != "" {
		b.WriteString("; reason: " + v.Reason)
	}
	b.WriteString("; " + v.Time)
	return b.String()
}

func groupWords(c *Count, v *View) string {
	var parts []string
	for _, g := range c.by {
		switch g {
		case ByActor:
			parts = append(parts, " by "+v.Who)
		case ByModel:
			parts = append(parts, " of the model "+v.Model)
		case ByTable:
			parts = append(parts, " in the table "+v.Table)
		case ByRecord:
			parts = append(parts, " of "+v.Row)
		case ByReason:
			parts = append(parts, " with the reason "+firstOf(v.Reason, "none"))
		case ByIP:
			parts = append(parts, " from the address "+firstOf(v.IP, "unknown"))
		}
	}
	return strings.Join(parts, "")
}

func firstOf(s, other string) string {
	if s != "" {
		return s
	}
	return other
}
