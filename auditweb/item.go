package auditweb

import (
	"reflect"
	"strings"
	"time"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/history"
	"github.com/gorm-audit/auditplugin/internal/diffpath"
)

// item is a record as a list shows it: a sentence, and what changed.
type item struct {
	Entry   history.Entry
	Sign    string // a sign for the action, beside its words
	Actor   string // who, in words
	ActorIs string // link to what they did
	Verb    string
	Object  string // the row, in words
	ObjectN string // its name, if it is known
	Key     string
	Own     bool   // the page is about this row, which need not be named
	Row     string // link to the row
	Record  string // link to the record
	Fields  []change
	More    int // fields that are not shown
	Day     string
	Depth   int  // how far down a chain of causes
	Follows bool // it is of the same transaction as the one above it
	Reason  value
	Message value
}

// Said is what an event says, as far as a sentence takes it.
func (it item) Said() string {
	if it.Message.Short == "" {
		return it.Message.Text
	}
	return brief(it.Message.Short)
}

// OwnVerb is the verb where the row is not named.
func (it item) OwnVerb() string {
	switch it.Entry.Action {
	case audit.Create, audit.Delete, audit.Restore:
		return it.Verb + " it"
	case audit.SoftDelete:
		return "soft-deleted it"
	}
	return strings.TrimSuffix(strings.TrimSuffix(it.Verb, " of"), " on")
}

// change is one field.
type change struct {
	Name     value // in words
	Path     string
	From, To value
	Only     string // "from" or "to" where there is just one side
	Runs     []run  // long texts, compared by words
	Whole    string // link to all of it, where some of what stayed is left out
	Note     string // what the sides differ in, where that is hard to see
	Link     string // to the field's changes
}

// signs say at a glance what words say beside them.
var signs = map[audit.Action]string{
	audit.Create: "+", audit.Update: "~", audit.Delete: "−", audit.SoftDelete: "−",
	audit.Restore: "↺", audit.Raw: "›", audit.Event: "•",
}

// shownFields is how many changed fields a list shows of a record.
const shownFields = 6

// items turns entries into what lists show.
func (q *request) items(entries []history.Entry, most int) []item {
	all := make([]item, len(entries))
	for i, e := range entries {
		all[i] = q.item(e, most)
		all[i].Follows = i > 0 && e.TransactionID != "" && e.TransactionID == entries[i-1].TransactionID
	}
	return all
}

func (q *request) item(e history.Entry, most int) item {
	h := q.h
	it := item{
		Entry: e, Sign: signs[e.Action], Actor: brief(actorName(e.Actor)), Day: e.Time.Format("Monday, 2 January 2006"),
		Record: link("record", nil, "id", e.ID), Object: brief(h.called(e.RecordType, e.Table)), ObjectN: brief(visible(e.Name)), Key: brief(named(e.RecordID)),
	}
	it.Reason, it.Message = q.told(e.Reason, it.Record), q.told(e.Message, it.Record)
	if it.Sign == "" {
		it.Sign = "•"
	}
	if e.Actor.ID != "" {
		it.ActorIs = link("actor", nil, "id", e.Actor.ID, "type", e.Actor.Type)
	}
	if e.Table != "" && e.RecordID != "" {
		it.Row = link("row", nil, "table", e.Table, "id", e.RecordID)
	}
	if l := e.Link; l != nil && (l.Added || l.Removed) {
		it.Object, it.Key, it.ObjectN, it.Row = brief(words(l.OwnerType)), brief(named(l.OwnerID)), "", ""
		if table := h.tableCalled(l.OwnerType); table != "" {
			it.Row = link("row", nil, "table", table, "id", l.OwnerID)
		}
	}
	fields := q.ordered(h.telling(e))
	if e.Action == audit.Create || e.Action == audit.Delete {
		most = min(most, 4)
	}
	if len(fields) > most {
		fields, it.More = fields[:most], len(fields)-most
	}
	for _, f := range fields {
		it.Fields = append(it.Fields, q.change(e, f, true))
	}
	it.Verb = q.verb(e)
	return it
}

// verb is what was done, up to the object.
func (q *request) verb(e history.Entry) string {
	if l := e.Link; l != nil && (l.Added || l.Removed) {
		verb, to := "added", "to"
		if l.Removed {
			verb, to = "removed", "from"
		}
		what := words(l.Type) + " " + brief(named(l.ID))
		if l.Name != "" {
			what = words(l.Type) + " " + brief(named(l.Name))
		}
		return verb + " " + what + " " + to
	}
	switch e.Action {
	case audit.Create:
		return "created"
	case audit.Update:
		var names []string
		seen := map[string]bool{}
		for _, f := range q.ordered(q.h.telling(e)) {
			if cut := diffpath.Split(f.Path); len(cut) > 1 && q.h.labelled(e.Table, f.Path) == "" {
				f = history.Field{Path: cut[0]}
			}
			name := brief(q.h.label(e.Table, f))
			if !seen[name] {
				seen[name] = true
				names = append(names, name)
			}
		}
		if n := len(names); n > 3 {
			names = append(names[:2:2], plural(n-2, "other field"))
		}
		if len(names) == 0 {
			return "changed"
		}
		return "changed " + listed(names) + " of"
	case audit.Delete:
		return "deleted"
	case audit.SoftDelete:
		return "soft-deleted"
	case audit.Restore:
		return "restored"
	case audit.Raw:
		return "ran SQL on"
	}
	return "noted"
}

// change is one field of a record; a list shows less of what stayed in it.
func (q *request) change(e history.Entry, f history.Field, list bool) change {
	h := q.h
	c := change{Path: visible(f.Path), From: h.shown(f, f.From, f.FromName), To: h.shown(f, f.To, f.ToName)}
	whole := ""
	if list || q.r.FormValue("path") != f.Path { // which is the page that has room for it
		whole = link("record", nil, "id", e.ID, "path", f.Path)
	}
	c.Name = q.whole(name(h.label(e.Table, f)), whole)
	switch e.Action {
	case audit.Create:
		c.Only = "to"
	case audit.Delete:
		c.Only = "from"
	case audit.Event:
		if f.From == nil {
			c.Only = "to"
		}
	}
	if e.RecordID != "" {
		c.Link = link("row", nil, "table", e.Table, "id", e.RecordID, "path", f.Path)
	}
	from, ok := f.From.(string)
	to, also := f.To.(string)
	if c.Only == "" && c.From.Kind == "text" && c.To.Kind == "text" && ok && also && f.Hidden == "" && f.FromName == "" && f.ToName == "" {
		q.runs(&c, from, to, whole, list)
	}
	if c.Only == "" {
		c.Note = tellApart(&c.From, &c.To)
	}
	if c.Runs == nil {
		c.From, c.To = q.whole(c.From, whole), q.whole(c.To, whole)
	}
	return c
}

// runs compares long texts by words, if the page has room for that.
func (q *request) runs(c *change, from, to, whole string, list bool) {
	runs := wordDiff(from, to, &q.work)
	if list {
		short, cut := aroundRuns(runs)
		if runs = short; cut {
			c.Whole = whole
		}
	}
	size := 0
	for _, r := range runs {
		size += len(r.Text)
	}
	if size > longValue && whole != "" {
		if size > q.room {
			c.Whole = ""
			return
		}
		q.room -= size
	}
	c.Runs = runs
}

// told is what somebody wrote about a record.
func (q *request) told(text, record string) value {
	if text == "" {
		return value{}
	}
	return q.whole(folded("text", named(text)), record)
}

// shown is one side of a field.
func (h *Handler) shown(f history.Field, v any, name string) value {
	why := f.Hidden
	if why == "large" || why == "erased" {
		why = replacedBy(v) // which the other side may not be
	}
	if why != "" {
		if v == nil && why != "rights" {
			return h.valueOf(v) // a secret that was not there yet
		}
		return hiddenValue(why, v)
	}
	shown := h.valueOf(v)
	if name != "" {
		shown = folded("text", named(name)+" ("+shown.Text+")")
	}
	return shown
}

// replacedBy is what stands in a value's place: "large", "erased", or "" for the value.
func replacedBy(v any) string {
	m, _ := v.(map[string]any)
	switch {
	case m["truncated"] == true:
		return "large"
	case m["erased"] == true && len(m) == 1:
		return "erased"
	}
	return ""
}

// telling are the fields that tell somebody something: not the key, which is named
// beside them, and not the times that every write sets, unless nothing else changed.
func (h *Handler) telling(e history.Entry) []history.Field {
	s := h.models.of(e.Table)
	left, quiet := make([]history.Field, 0, len(e.Fields)), false
	for _, f := range e.Fields {
		if s != nil {
			column := s.FieldsByDBName[f.Path]
			if column != nil && column.FieldType == deletedAt && (e.Action == audit.SoftDelete || e.Action == audit.Restore) {
				quiet = true
				continue
			}
			if column != nil && (column.AutoUpdateTime > 0 || column.AutoCreateTime > 0 || column.PrimaryKey && e.Action != audit.Update) {
				continue
			}
		} else if f.Path == "updated_at" {
			continue
		}
		left = append(left, f)
	}
	if len(left) == 0 && !quiet {
		return e.Fields
	}
	return left
}

// deletedAt is the type of the column that a soft deletion sets, which its verb tells.
var deletedAt = reflect.TypeFor[gorm.DeletedAt]()

// label is what a field is called.
func (h *Handler) label(table string, f history.Field) string {
	if text := h.labelled(table, f.Path); text != "" {
		return text
	}
	if f.Label != "" {
		return words(f.Label)
	}
	return words(strings.Join(diffpath.Split(f.Path), " "))
}

// labelled is what the host calls a field, or "".
func (h *Handler) labelled(table, path string) string {
	if text := h.cfg.labels[bare(table)+"."+path]; text != "" {
		return visible(text)
	}
	return visible(h.cfg.labels[path])
}

// called is what a kind of row is called.
func (h *Handler) called(recordType, table string) string {
	for _, key := range []string{recordType, bare(table)} {
		if text := h.cfg.labels[key]; text != "" && key != "" {
			return visible(text)
		}
	}
	if recordType != "" {
		return words(recordType)
	}
	return words(table)
}

func actorName(a audit.Actor) string {
	switch {
	case a.Type == "db" && a.ID == "": // a companion trigger on SQLite, which knows no users
		return "Another program"
	case a.Type == "db" && a.Name == "":
		return "Database user " + visible(a.ID)
	case a.Name != "":
		return named(a.Name)
	case a.Type != "" || a.ID != "":
		return strings.TrimSpace(words(a.Type) + " " + named(a.ID))
	}
	return "Somebody"
}

// timeline asks for entries with the viewer's names and rights. It returns at most n, and
// whether there are more.
func (q *request) timeline(ask history.Query, n int) ([]history.Entry, bool, error) {
	opts := []history.FormatOption{history.Zone(q.h.cfg.zone), history.Now(q.now), q.h.joins}
	if q.viewer.CanSeeValues && len(q.h.cfg.names) > 0 {
		opts = append(opts, history.Names(q.h.cfg.names...))
	}
	entries, err := ask.Limit(n+1).Timeline(q.ctx, opts...)
	if err != nil {
		return nil, false, err
	}
	more := len(entries) > n
	if more {
		entries = entries[:n]
	}
	q.conceal(entries)
	return entries, more, nil
}

// conceal takes out what the viewer may not see.
func (q *request) conceal(entries []history.Entry) {
	if q.viewer.CanSeeValues {
		return
	}
	for i := range entries {
		e := &entries[i]
		e.Metadata, e.Name = nil, ""
		if e.Link != nil {
			e.Link.Name = ""
		}
		for j := range e.Fields {
			e.Fields[j] = history.Field{Path: e.Fields[j].Path, Hidden: "rights"}
		}
	}
}

// at is a moment in words, exactly.
func at(t time.Time) string { return t.Format("2 January 2006 15:04:05 MST") }
