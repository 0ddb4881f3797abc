package auditweb

import (
	"net/url"
	"time"
)

// actor shows what somebody did.
func (q *request) actor() error {
	f := filter{values: map[string]string{"actor": q.r.FormValue("id")}}
	if f.get("actor") == "" {
		return badRequest("“id”: say who.")
	}
	if kind := q.r.FormValue("type"); kind != "" {
		f.values["actor_type"] = kind
	}
	ask, err := q.asking(f)
	if err != nil {
		return err
	}
	l, err := q.list(ask, filter{values: map[string]string{}}, "actor", "id", f.get("actor"), "type", f.get("actor_type"))
	if err != nil {
		return err
	}
	if len(l.Items) == 0 {
		return notFound("The trail knows nobody with that key.")
	}
	if q.viewer.CanExport {
		l.CSV, l.JSON = f.url("search.csv"), f.url("search.json")
	}
	const n = 31
	days, err := q.days(ask, n, "actor", f.get("actor"), "actor_type", f.get("actor_type"))
	if err != nil {
		return err
	}
	month, since := q.lastDays(ask, n), q.firstDay(n).Format(time.RFC3339)
	tables, err := q.shares(month, "table_name", 8, func(name string) share {
		if name == "" {
			return share{Name: "no table"}
		}
		return share{Name: brief(q.h.called("", name)), Link: f.url("search", "table", name, "since", since)}
	})
	if err != nil {
		return err
	}
	places, err := q.shares(month, "ip", 8, func(name string) share {
		if name == "" {
			name = "no address"
		}
		return share{Name: brief(named(name))}
	})
	if err != nil {
		return err
	}
	who := l.Items[0].Entry.Actor
	name := actorName(who)
	return q.show("actor", name, f.box(), struct {
		list
		Name, ID, Type string
		Crumb          bool // the name does not say type and key
		Days           chart
		Tables, Places []share
		Search         string
	}{l, name, f.get("actor"), who.Type, who.Name != "", days, tables, places, f.url("search")})
}

// mostOfTransaction is how many records of a transaction a page shows.
const mostOfTransaction = 200

// transaction shows all that a transaction did: what followed from what is below it.
func (q *request) transaction() error {
	id := q.r.FormValue("id")
	if id == "" {
		return badRequest("“id”: say which transaction.")
	}
	ask := q.h.scoped(q.ctx, q.h.unscoped()).Transaction(id)
	entries, more, err := q.timeline(ask, mostOfTransaction)
	if err != nil {
		return err
	}
	if len(entries) == 0 {
		return notFound("There is no such transaction, or its records were pruned.")
	}
	items := q.items(entries, shownFields)
	here := map[string]bool{}
	for _, it := range items {
		here[it.Entry.ID] = true
	}
	children := map[string][]item{}
	for _, it := range items {
		cause := it.Entry.Cause
		if !here[cause] || cause == it.Entry.ID {
			cause = ""
		}
		children[cause] = append(children[cause], it)
	}
	var ordered []item
	var place func(cause string, depth int)
	place = func(cause string, depth int) {
		all := children[cause]
		delete(children, cause) // causes that go in a circle end here
		for _, it := range all {
			it.Depth = min(depth, 4)
			ordered = append(ordered, it)
			place(it.Entry.ID, depth+1)
		}
	}
	place("", 0)
	v := url.Values{"tx": {id}}
	body := struct {
		list
		ID   string
		More bool
		All  string
	}{list{Items: ordered}, id, more, exactly("tx", id)}
	if q.viewer.CanExport {
		body.CSV, body.JSON = link("search.csv", v), link("search.json", v)
	}
	return q.show("transaction", "One transaction", filter{values: map[string]string{"tx": id}}.box(), body)
}
