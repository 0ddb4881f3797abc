package auditweb

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/history"
)

// filter is what a search asks for. The form, the query box and the URL are three ways to
// write it.
type filter struct {
	values       map[string]string
	since, until time.Time
}

// filterField is one thing that can be asked for.
type filterField struct {
	Name string // in the URL and in the query box
	Word string // in forms and chips
}

// filterFields are all of them, in the order of the query box.
var filterFields = []filterField{
	{"table", "Kind"},
	{"id", "Key"},
	{"column", "Field"},
	{"path", "Path in JSON"},
	{"became", "Became"},
	{"was", "Was"},
	{"action", "Action"},
	{"actor", "Actor"},
	{"actor_type", "Actor type"},
	{"for", "On behalf of"},
	{"tenant", "Tenant"},
	{"reason", "Reason"},
	{"request", "Request"},
	{"tx", "Transaction"},
	{"since", "Since"},
	{"until", "Until"},
	{"text", "Text"},
}

var actions = []audit.Action{audit.Create, audit.Update, audit.Delete, audit.SoftDelete, audit.Restore, audit.Raw, audit.Event}

// filterOf reads a filter from a URL. Words of the box q take the place of parameters.
func (h *Handler) filterOf(v url.Values, now time.Time) (filter, error) {
	f := filter{values: map[string]string{}}
	for _, field := range filterFields {
		if text := strings.TrimSpace(v.Get(field.Name)); text != "" {
			f.values[field.Name] = text
		}
	}
	if err := h.readBox(&f, v.Get("q")); err != nil {
		return f, err
	}
	var err error
	if f.since, err = moment(f.values["since"], now); err != nil {
		return f, badRequest("“since”: " + err.Error())
	}
	if f.until, err = moment(f.values["until"], now); err != nil {
		return f, badRequest("“until”: " + err.Error())
	}
	if a := f.values["action"]; a != "" && !slices.Contains(actions, audit.Action(a)) {
		return f, badRequest(fmt.Sprintf("“action”: %q is none; there are create, update, delete, soft_delete, restore, raw and event.", a))
	}
	if f.values["id"] != "" && f.values["table"] == "" {
		return f, badRequest("“id”: say the key of what, with “table”.")
	}
	if (f.values["became"] != "" || f.values["was"] != "") && f.values["column"] == "" {
		return f, badRequest("“became” and “was”: say the value of what, with “column”.")
	}
	return f, nil
}

// moment reads a time: 2026-11-23, 2026-11-23T10:15, RFC 3339, or how long ago: 7d, 12h.
func moment(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02 15:04", time.DateOnly} {
		if t, err := time.ParseInLocation(layout, text, now.Location()); err == nil && t.Year() > 0 {
			return t, nil
		}
	}
	n, err := strconv.Atoi(text[:len(text)-1])
	if err == nil && n >= 0 && n < 100_000 {
		switch text[len(text)-1] {
		case 'm':
			return now.Add(-time.Duration(n) * time.Minute), nil
		case 'h':
			return now.Add(-time.Duration(n) * time.Hour), nil
		case 'd':
			return now.AddDate(0, 0, -n), nil
		case 'w':
			return now.AddDate(0, 0, -7*n), nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is no time; write 2026-11-23, 2026-11-23T10:15, or 7d for seven days ago", text)
}

func (f filter) get(name string) string { return f.values[name] }

func (f filter) empty() bool { return len(f.values) == 0 }

// without is the filter less some fields, with those that make no sense alone.
func (f filter) without(names ...string) filter {
	left := filter{values: map[string]string{}}
	for name, text := range f.values {
		if !slices.Contains(names, name) {
			left.values[name] = text
		}
	}
	if left.values["table"] == "" {
		delete(left.values, "id")
	}
	if left.values["column"] == "" {
		delete(left.values, "became")
		delete(left.values, "was")
	}
	return left
}

// url is the filter as parameters, with others behind them.
func (f filter) url(page string, more ...string) string {
	v := url.Values{}
	exact := filter{values: map[string]string{}}
	for name, text := range f.values {
		if strings.TrimSpace(text) != text {
			exact.values[name] = text // in quotes, for what people type in a form is trimmed
			continue
		}
		v.Set(name, text)
	}
	if !exact.empty() {
		v.Set("q", exact.box())
	}
	return link(page, v, more...)
}

// exactly is a link to the search for one thing.
func exactly(name, text string, more ...string) string {
	return filter{values: map[string]string{name: text}}.url("search", more...)
}

// link is a relative URL.
func link(page string, v url.Values, more ...string) string {
	if v == nil {
		v = url.Values{}
	}
	for i := 0; i+1 < len(more); i += 2 {
		if more[i+1] != "" {
			v.Set(more[i], more[i+1])
		}
	}
	if len(v) == 0 {
		return page
	}
	return page + "?" + v.Encode()
}

// unscoped asks the audit table.
func (h *Handler) unscoped() history.Query {
	q := history.Search(h.db)
	if h.cfg.ask != nil {
		q = h.cfg.ask(q)
	}
	return q
}

// scoped asks for what the request may see.
func (h *Handler) scoped(ctx context.Context, q history.Query) history.Query {
	if h.cfg.scope != nil {
		q = h.cfg.scope(ctx, q)
	}
	return q
}

// asking is the question that a filter stands for.
func (q *request) asking(f filter) (history.Query, error) {
	h, ask := q.h, q.h.scoped(q.ctx, q.h.unscoped())
	if table := f.get("table"); table != "" {
		if id := f.get("id"); id != "" {
			ask = ask.Row(table, id)
		}
		if s := h.models.of(table); s != nil && s.Table == table {
			ask = ask.Model(newModel(s))
		} else if f.get("id") == "" {
			ask = ask.InTable(table)
		}
	}
	narrow := func(name string, by func(text string) history.Query) {
		if text := f.get(name); text != "" {
			ask = by(text)
		}
	}
	narrow("column", func(t string) history.Query {
		if f.get("became") != "" || f.get("was") != "" {
			return ask // creations and deletions count, then
		}
		return ask.Column(t)
	})
	narrow("became", func(t string) history.Query { return ask.To(f.get("column"), t) })
	narrow("was", func(t string) history.Query { return ask.From(f.get("column"), t) })
	narrow("path", func(t string) history.Query { return ask.Path(t) })
	narrow("action", func(t string) history.Query { return ask.Action(audit.Action(t)) })
	narrow("actor", func(t string) history.Query { return ask.Actor(t) })
	narrow("actor_type", func(t string) history.Query { return ask.ActorType(t) })
	narrow("for", func(t string) history.Query { return ask.OnBehalfOf(t) })
	narrow("tenant", func(t string) history.Query { return ask.Tenant(t) })
	narrow("reason", func(t string) history.Query { return ask.Reason(t) })
	narrow("request", func(t string) history.Query { return ask.Request(t) })
	narrow("tx", func(t string) history.Query { return ask.Transaction(t) })
	narrow("text", func(t string) history.Query { return ask.Scopes(contains(t, q.viewer.CanSeeValues)) })
	if !q.viewer.CanSeeValues && (f.get("became") != "" || f.get("was") != "") {
		return ask, hiddenFrom("So you cannot search for them either.")
	}
	if !f.since.IsZero() {
		ask = ask.Since(f.since)
	}
	if !f.until.IsZero() {
		ask = ask.Until(f.until)
	}
	return ask, nil
}
