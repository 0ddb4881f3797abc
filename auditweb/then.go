package auditweb

import (
	"errors"
	"math"
	"slices"
	"strconv"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/history"
)

// pair is a column of a row, as it was and as it is.
type pair struct {
	Name      string
	Then, Now value
	Differs   bool
	Note      string // what they differ in, where that is hard to see
	Changes   string // link to what was done to the column
}

// thenPage is what the page of a row at a moment shows.
type thenPage struct {
	Table, ID      string
	Kind, Name     string
	When, At       string // the moment in words, and as a form has it
	Pairs          []pair
	Field          string // the only one that is shown
	AllFields      string // link to all of them
	Differing      int
	ThereThen      bool
	ThereNow       bool
	Why            string // why it cannot be said
	Unknown        []string
	Row            string
	Earlier, Later string // links to the row around the changes before and after
	Last           *item  // the change that the moment stands behind
}

// then shows a row as it was beside what it is now.
func (q *request) then() error {
	table, id := q.r.FormValue("table"), q.r.FormValue("id")
	if table == "" || id == "" {
		return badRequest("“table” and “id”: say which row.")
	}
	when, words, err := q.momentOf(q.r.FormValue("at"))
	if err != nil {
		return err
	}
	all := q.h.scoped(q.ctx, q.h.unscoped())
	p := thenPage{Table: table, ID: id, Kind: brief(q.h.called("", table)), When: words, Row: link("row", nil, "table", table, "id", id)}
	if p.Field = q.r.FormValue("path"); p.Field != "" {
		p.AllFields = link("then", nil, "table", table, "id", id, "at", q.r.FormValue("at"))
	}
	p.At = q.now.AddDate(0, 0, -7).Format("2006-01-02T15:04")
	if words != "" {
		p.At = q.r.FormValue("at")
	}
	if _, err := all.Row(table, id).Limit(1).First(q.ctx); errors.Is(err, history.ErrNotFound) {
		return notFound("The trail knows no " + visible(p.Kind) + " " + brief(named(id)) + ".")
	} else if err != nil {
		return err
	}
	model, _, err := q.h.keyed(q.ctx, table, id)
	if err != nil {
		return err
	}
	whole := false
	if model != nil {
		if whole, err = q.isWhole(all, table, id); err != nil {
			return err
		}
	}
	switch {
	case model == nil || q.h.plugin() == nil:
		p.Why = "This service did not tell the viewer enough about " + p.Kind + " to put the row together. Its changes are on the page of the row."
	case !whole:
		p.Why = "Some of its changes are not for you to see, so that the row cannot be put together."
	default:
		if err := q.beside(&p, model, when); err != nil {
			return err
		}
	}
	if err := q.around(&p, all); err != nil {
		return err
	}
	return q.show("then", p.Kind+" "+brief(named(id))+" as it was", "", p)
}

// beside fills in the row then and now.
func (q *request) beside(p *thenPage, model any, when history.Moment) error {
	then, gaps, err := q.image(model, p.Table, when)
	switch {
	case errors.Is(err, history.ErrPruned):
		p.Why = "Records of that time were pruned, so that nobody can tell what the row was."
		return nil
	case errors.Is(err, history.ErrBeforeTrail):
		p.Why = "That was before changes of this kind were recorded."
		return nil
	case errors.Is(err, history.ErrUnknown):
		p.Why = "The records do not tell whether the row was there."
		return nil
	case err != nil:
		return err
	}
	now, _, err := q.image(model, p.Table, history.AtSeq(math.MaxInt64))
	if err != nil {
		return err
	}
	p.ThereThen, p.ThereNow = then != nil, now != nil
	for _, name := range slices.Concat(gaps.Redacted, gaps.Lost, gaps.Erased) {
		p.Unknown = append(p.Unknown, q.h.label(p.Table, history.Field{Path: name}))
	}
	for _, name := range q.h.models.of(p.Table).DBNames {
		if p.Field != "" && name != p.Field {
			continue
		}
		a, was := then[name]
		b, is := now[name]
		if !was && !is {
			continue
		}
		if !was {
			a = value{Kind: "absent", Text: "—"}
		}
		if !is {
			b = value{Kind: "absent", Text: "—"}
		}
		one := pair{
			Name: q.h.label(p.Table, history.Field{Path: name}), Differs: !a.same(b),
			Changes: link("row", nil, "table", p.Table, "id", p.ID, "path", name),
		}
		whole := ""
		if p.Field == "" { // the page of one field has room for it
			whole = link("then", nil, "table", p.Table, "id", p.ID, "at", q.r.FormValue("at"), "path", name)
		}
		if one.Differs {
			p.Differing++
			one.Note = tellApart(&a, &b)
			b = q.whole(b, whole)
		}
		one.Then, one.Now = q.whole(a, whole), b
		p.Pairs = append(p.Pairs, one)
	}
	return nil
}

// around finds the changes before and after the moment, so that people can step through.
func (q *request) around(p *thenPage, all history.Query) error {
	trail := all.Row(p.Table, p.ID)
	before, after := trail.Newest(), trail.Oldest()
	at := q.r.FormValue("at")
	if seq, err := strconv.ParseInt(at, 10, 64); err == nil {
		if seq < math.MaxInt64 {
			before = before.After(before.Cursor(audit.Record{Seq: seq + 1}))
		}
		after = after.After(after.Cursor(audit.Record{Seq: seq}))
	} else {
		t, err := moment(at, q.now)
		if err != nil {
			return err
		}
		before, after = before.Until(t), after.Since(t)
	}
	last, _, err := q.timeline(before, 2)
	if err != nil {
		return err
	}
	next, _, err := q.timeline(after, 1)
	if err != nil {
		return err
	}
	to := func(seq int64) string {
		return link("then", nil, "table", p.Table, "id", p.ID, "at", strconv.FormatInt(seq, 10))
	}
	if len(last) > 0 {
		it := q.item(last[0], shownFields)
		p.Last = &it
		p.Kind, p.Name = it.Object, it.ObjectN
		p.Earlier = to(last[0].Seq - 1)
		if len(last) > 1 {
			p.Earlier = to(last[1].Seq)
		}
	}
	if len(next) > 0 {
		it := q.item(next[0], 1)
		p.Kind, p.Name = it.Object, it.ObjectN
		p.Later = to(next[0].Seq)
	}
	return nil
}
