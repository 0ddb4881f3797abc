package auditweb

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/emitter"
	"github.com/gorm-audit/auditplugin/history"
)

// fact is a line of what is known of a record.
type fact struct {
	Word string
	Text value
	Link string
}

// chainLength is how far a chain of causes is followed.
const chainLength = 20

// theRecord is the record that the URL names.
func (q *request) theRecord() (audit.Record, history.Query, error) {
	all := q.h.scoped(q.ctx, q.h.unscoped())
	id := q.r.FormValue("id")
	if id == "" {
		return audit.Record{}, all, badRequest("“id”: say which record.")
	}
	r, err := all.ID(id).First(q.ctx)
	if errors.Is(err, history.ErrNotFound) {
		err = notFound("There is no such record, or it was pruned.")
	}
	return r, all, err
}

// record shows one record with all there is to know.
func (q *request) record() error {
	r, all, err := q.theRecord()
	if err != nil {
		return err
	}
	entries, _, err := q.timeline(all.ID(r.ID), 1)
	if err != nil {
		return err
	}
	if len(entries) == 0 {
		return notFound("There is no such record, or it was pruned.")
	}
	it, rest, err := q.wholeItem(entries[0])
	if err != nil {
		return err
	}
	body := struct {
		Item                       item
		Facts                      []fact
		Causes, Effects, Siblings  []item
		SiblingsMore               string
		Before, After, Export, Own string
		Raw                        value
		RawLong                    bool
		Path                       string // the only field that is shown
		All, Rest                  string // links to all fields, and to the next ones
	}{Item: it, Facts: q.facts(r), Path: q.r.FormValue("path"), Rest: rest}
	if body.Path != "" || q.r.FormValue("skip") != "" {
		body.All = link("record", nil, "id", r.ID)
	}
	if body.Causes, err = q.causes(all, r); err != nil {
		return err
	}
	if body.Effects, err = q.effects(all, r); err != nil {
		return err
	}
	if r.TransactionID != "" {
		same, more, err := q.timeline(all.Transaction(r.TransactionID), chainLength)
		if err != nil {
			return err
		}
		same = slices.DeleteFunc(same, func(e history.Entry) bool { return e.ID == r.ID })
		body.Siblings = q.items(same, 2)
		if more {
			body.SiblingsMore = link("transaction", nil, "id", r.TransactionID)
		}
	}
	if r.RecordID != "" && q.h.models.of(r.Table) != nil {
		seq := strconv.FormatInt(r.Seq, 10)
		body.After = link("then", nil, "table", r.Table, "id", r.RecordID, "at", seq)
		if r.Action != audit.Create {
			body.Before = link("then", nil, "table", r.Table, "id", r.RecordID, "at", strconv.FormatInt(r.Seq-1, 10))
		}
	}
	body.Own = q.ownPage(r.Table, r.RecordID)
	if q.viewer.CanExport {
		body.Export = link("record.json", nil, "id", r.ID)
	}
	if q.viewer.CanSeeValues {
		var pretty bytes.Buffer
		stored := emitter.RecordJSON(r)
		if body.RawLong = len(stored) > pageRoom; !body.RawLong && json.Indent(&pretty, stored, "", "  ") == nil {
			body.Raw = value{Kind: "json", Text: lines2(pretty.String())}
		}
	}
	return q.show("record", "Record "+strconv.FormatInt(r.Seq, 10), "", body)
}

// fieldsOnPage is how many fields of a record a page shows.
const fieldsOnPage = 250

// wholeItem is a record with its fields, or with the one that the URL names; rest leads to
// those that the page has no room for.
func (q *request) wholeItem(e history.Entry) (it item, rest string, err error) {
	fields, path, skip := q.ordered(e.Fields), q.r.FormValue("path"), 0
	if text := q.r.FormValue("skip"); text != "" {
		if skip, err = strconv.Atoi(text); err != nil || skip < 0 {
			return it, "", badRequest("“skip”: it is no number of fields.")
		}
	}
	it = q.item(e, 0)
	if path != "" {
		fields = slices.DeleteFunc(fields, func(f history.Field) bool { return f.Path != path })
	}
	fields = fields[min(skip, len(fields)):]
	if it.More = 0; len(fields) > fieldsOnPage {
		it.More, fields = len(fields)-fieldsOnPage, fields[:fieldsOnPage]
		rest = link("record", nil, "id", e.ID, "skip", strconv.Itoa(skip+fieldsOnPage))
	}
	for _, f := range fields {
		it.Fields = append(it.Fields, q.change(e, f, false))
	}
	return it, rest, nil
}

func (q *request) ownPage(table, id string) string {
	if q.h.cfg.link == nil || table == "" || id == "" {
		return ""
	}
	to := q.h.cfg.link(table, id)
	if u, err := url.Parse(to); err != nil || u.Scheme != "" && u.Scheme != "https" && u.Scheme != "http" {
		return "" // a page of the host's, and no program
	}
	return to
}

// causes are the records that led to r, the nearest first.
func (q *request) causes(all history.Query, r audit.Record) ([]item, error) {
	var found []history.Entry
	seen := map[string]bool{r.ID: true}
	for id := r.Cause; id != "" && !seen[id] && len(found) < chainLength; {
		seen[id] = true
		entries, _, err := q.timeline(all.ID(id), 1)
		if err != nil || len(entries) == 0 {
			return q.items(found, 2), err
		}
		found = append(found, entries[0])
		id = entries[0].Cause
	}
	return q.items(found, 2), nil
}

// effects are the records that followed from r: in its transaction, and of its row.
func (q *request) effects(all history.Query, r audit.Record) ([]item, error) {
	var found []history.Entry
	add := func(ask history.Query) error {
		entries, _, err := q.timeline(ask.Cause(r.ID), chainLength)
		for _, e := range entries {
			if !slices.ContainsFunc(found, func(f history.Entry) bool { return f.ID == e.ID }) {
				found = append(found, e)
			}
		}
		return err
	}
	if r.TransactionID != "" {
		if err := add(all.Transaction(r.TransactionID)); err != nil {
			return nil, err
		}
	}
	if r.Table != "" && r.RecordID != "" {
		if err := add(all.Row(r.Table, r.RecordID)); err != nil {
			return nil, err
		}
	}
	return q.items(found, 2), nil
}

func (q *request) facts(r audit.Record) []fact {
	var all []fact
	whole := "" // no other page has more of it
	if q.viewer.CanExport {
		whole = link("record.json", nil, "id", r.ID)
	}
	add := func(word, text, link string) {
		if text != "" {
			all = append(all, fact{brief(word), q.whole(folded("text", named(text)), whole), link})
		}
	}
	when := at(r.Time.In(q.h.cfg.zone))
	if utc := at(r.Time.UTC()); utc != when {
		when += " (" + utc + ")"
	}
	add("When", when, "")
	who := link("actor", nil, "id", r.Actor.ID, "type", r.Actor.Type)
	if r.Actor.ID == "" {
		who = ""
	}
	text := actorName(r.Actor)
	if r.Actor.Name != "" && r.Actor.ID != "" {
		text += " (" + r.Actor.Type + " " + r.Actor.ID + ")"
	}
	add("Who", text, who)
	if p := r.Actor.OnBehalfOf; !p.IsZero() {
		add("On behalf of", strings.TrimSpace(p.Name+" ("+strings.TrimSpace(p.Type+" "+p.ID)+")"), exactly("for", p.ID))
	}
	add("Session", r.Actor.SessionID, "")
	if r.Tenant != "" {
		add("Tenant", r.Tenant, exactly("tenant", r.Tenant))
	}
	add("Why", r.Reason, "")
	add("Message", r.Message, "")
	if r.Outcome != audit.Success {
		add("Outcome", string(r.Outcome), "")
	}
	if r.RecordID != "" {
		add("Row", q.h.called(r.RecordType, r.Table)+" "+named(r.RecordID), link("row", nil, "table", r.Table, "id", r.RecordID))
	}
	add("From address", r.IP, "")
	add("Program", r.UserAgent, "")
	if r.RequestID != "" {
		add("Request", r.RequestID, exactly("request", r.RequestID, "since", r.Time.AddDate(0, 0, -1).UTC().Format("2006-01-02T15:04:05Z"), "until", r.Time.AddDate(0, 0, 1).UTC().Format("2006-01-02T15:04:05Z")))
	}
	if r.TransactionID != "" {
		add("Transaction", r.TransactionID, link("transaction", nil, "id", r.TransactionID))
	}
	add("Trace", r.TraceID, "")
	add("Application", r.Application, "")
	add("Host", r.Host, "")
	if !r.Source.IsZero() {
		// The base name is enough for people; the rest is in the record as it is stored.
		add("Code", strings.TrimSpace(path.Base(r.Source.File)+":"+strconv.Itoa(r.Source.Line)+" "+path.Base(r.Source.Function)), "")
	}
	if q.viewer.CanSeeValues {
		for _, name := range slices.Sorted(maps.Keys(r.Metadata)) {
			text, err := json.Marshal(r.Metadata[name])
			if err == nil {
				add("Metadata: "+visible(name), string(text), "")
			}
		}
	}
	add("Record", r.ID, "")
	if r.SchemaVersion > audit.SchemaVersion {
		add("Format", "written by a newer release; words may mean something else", "")
	}
	return all
}

// recordJSON exports one record.
func (q *request) recordJSON() error {
	if !q.viewer.CanExport {
		return &problem{403, "You may not export", "Ask whoever runs this service."}
	}
	r, _, err := q.theRecord()
	if err != nil {
		return err
	}
	if !q.viewer.CanSeeValues {
		r.Before, r.After, r.Changes, r.Metadata = nil, nil, nil, nil
	}
	q.send(200, "application/json", bytes.NewBuffer(emitter.RecordJSON(r)))
	return nil
}
