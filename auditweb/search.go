package auditweb

import (
	"errors"
	"slices"
	"strconv"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/history"
)

func recordAt(seq int64) audit.Record { return audit.Record{Seq: seq} }

// chip is a filter that is on, and the link that takes it off.
type chip struct{ Word, Text, Off string }

// option is a choice in a form.
type option struct {
	Value, Word string
	On          bool
}

// form is the filter as a form shows it.
type form struct {
	F       map[string]string
	Tables  []option
	Columns []string
	Actions []option
	More    bool // the less common fields are open
	Values  bool
}

func (q *request) form(f filter) form {
	h := q.h
	shown := form{F: f.values, Columns: h.models.columns(f.get("table")), Values: q.viewer.CanSeeValues}
	known := false
	for _, name := range h.models.tables() {
		on := name == f.get("table")
		known = known || on
		shown.Tables = append(shown.Tables, option{h.models[name].Table, h.called("", name), on})
	}
	if t := f.get("table"); t != "" && !known {
		shown.Tables = append(shown.Tables, option{t, h.called("", t), true})
	}
	for _, a := range actions {
		shown.Actions = append(shown.Actions, option{string(a), actionWord(a), f.get("action") == string(a)})
	}
	for _, name := range []string{"path", "became", "was", "request", "tx", "text", "actor_type", "for", "tenant", "reason"} {
		shown.More = shown.More || f.get(name) != ""
	}
	return shown
}

func actionWord(a audit.Action) string {
	switch a {
	case audit.Create:
		return "created"
	case audit.Update:
		return "changed"
	case audit.Delete:
		return "deleted"
	case audit.SoftDelete:
		return "soft-deleted"
	case audit.Restore:
		return "restored"
	case audit.Raw:
		return "raw SQL"
	}
	return "event"
}

func (q *request) chips(f filter) []chip {
	var chips []chip
	for _, field := range filterFields {
		text := f.get(field.Name)
		if text == "" {
			continue
		}
		switch field.Name {
		case "action":
			text = actionWord(audit.Action(text))
		case "table":
			text = q.h.called("", text)
		}
		chips = append(chips, chip{field.Word, brief(named(text)), f.without(field.Name).url("search")})
	}
	return chips
}

// search shows the records that a filter finds.
func (q *request) search() error {
	f, err := q.h.filterOf(q.r.Form, q.now)
	if err != nil {
		return err
	}
	ask, err := q.asking(f)
	if err != nil {
		return err
	}
	ask, further, top, err := q.stretch(ask, f)
	if err != nil {
		return err
	}
	q.about = f.get("column")
	l, err := q.list(ask, f, "search", "top", top)
	if err != nil {
		return err
	}
	title := "All changes"
	switch {
	case f.empty():
	case len(l.Items) == 0:
		title = "Nothing found"
	default:
		title = "Changes found"
	}
	return q.show("search", title, f.box(), struct {
		list
		Form  form
		Chips []chip
		Row   string // the row that all of it is about
		// Further leads to the older records that were not looked at.
		Further string
		Stretch string
	}{l, q.form(f), q.chips(f), rowLink(f), further, thousands(stretchRecords)})
}

// stretchRecords is how many records a search for text goes through at a time.
const stretchRecords = 50_000

// stretch keeps a search for text, which no index helps, to a stretch of the records,
// newest first, unless a row, a person, a request or a transaction narrows it anyway. The
// stretch ends with the seq "top"; further leads to the one before.
func (q *request) stretch(ask history.Query, f filter) (narrowed history.Query, further, top string, err error) {
	if f.get("text") == "" || f.get("id") != "" || f.get("actor") != "" || f.get("tx") != "" {
		return ask, "", "", nil
	}
	var last int64
	if text := q.r.FormValue("top"); text != "" {
		if last, err = strconv.ParseInt(text, 10, 64); err != nil || last < 1 {
			return ask, "", "", badRequest("“top”: it is no record's number.")
		}
	} else {
		newest, err := q.h.scoped(q.ctx, q.h.unscoped()).Newest().First(q.ctx)
		if errors.Is(err, history.ErrNotFound) {
			return ask, "", "", nil
		}
		if err != nil {
			return ask, "", "", err
		}
		last = newest.Seq
	}
	top = strconv.FormatInt(last, 10)
	if first := last - stretchRecords; first > 0 {
		further = f.url("search", "top", strconv.FormatInt(first, 10))
	}
	return ask.Scopes(func(tx *gorm.DB) *gorm.DB {
		return tx.Where("seq > ? AND seq <= ?", last-stretchRecords, last)
	}), further, top, nil
}

func rowLink(f filter) string {
	if f.get("table") == "" || f.get("id") == "" {
		return ""
	}
	return link("row", nil, "table", f.get("table"), "id", f.get("id"))
}

// start shows the newest records, what was going on lately, and where to search.
func (q *request) start() error {
	f := filter{values: map[string]string{}}
	ask := q.h.scoped(q.ctx, q.h.unscoped())
	l, err := q.list(ask, f, "search")
	if err != nil {
		return err
	}
	days, err := q.days(ask, 14)
	if err != nil {
		return err
	}
	return q.show("start", "Latest changes", "", struct {
		list
		Form     form
		Days     chart
		People   []person
		Problems []trouble
	}{l, q.form(f), days, q.people(l), q.troubles()})
}

// person is somebody who did something lately.
type person struct {
	Name, Link, Ago string
	Changes         int
}

// people are those who made the records of a list, in its order.
func (q *request) people(l list) []person {
	var all []person
	for _, it := range l.Items {
		if it.Entry.Actor.IsZero() {
			continue
		}
		i := slices.IndexFunc(all, func(p person) bool { return p.Name == it.Actor && p.Link == it.ActorIs })
		if i < 0 {
			i = len(all)
			all = append(all, person{it.Actor, it.ActorIs, it.Entry.Ago, 0})
		}
		all[i].Changes++
	}
	return all[:min(len(all), 6)]
}
