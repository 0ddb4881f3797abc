package auditweb

import (
	"strings"

	"github.com/gorm-audit/auditplugin/audit"
)

// statDays are the windows that statistics have; longer ones would read too much.
var statDays = map[string]int{"": 14, "7": 7, "14": 14, "31": 31}

// stats counts records of the last days by day, kind, action and actor.
func (q *request) stats() error {
	n, ok := statDays[q.r.FormValue("days")]
	if !ok {
		return badRequest("“days”: there are 7, 14 and 31.")
	}
	f := filter{values: map[string]string{}}
	if table := q.r.FormValue("table"); table != "" {
		f.values["table"] = table
	}
	ask, err := q.asking(f)
	if err != nil {
		return err
	}
	days, err := q.days(ask, n, "table", f.get("table"))
	if err != nil {
		return err
	}
	since := q.now.AddDate(0, 0, -n)
	from := since.UTC().Format("2006-01-02T15:04:05Z")
	window := ask.Since(since)
	var tables, done, people []share
	tables, err = q.shares(window, "table_name", 12, func(name string) share {
		if name == "" {
			return share{Name: "no table"}
		}
		return share{Name: q.h.called("", name), Link: link("search", nil, "table", name, "since", from)}
	})
	if err != nil {
		return err
	}
	done, err = q.shares(window, "action", 12, func(name string) share {
		return share{Name: actionWord(audit.Action(name)), Link: f.url("search", "action", name, "since", from)}
	})
	if err != nil {
		return err
	}
	people, err = q.actorShares(f, from)
	if err != nil {
		return err
	}
	return q.show("stats", "Statistics", "", struct {
		Days                   chart
		N                      int
		Table                  string
		Windows                []chip
		Tables, Actions, Actor []share
	}{days, n, f.get("table"), []chip{
		{"7", "7 days", f.url("stats", "days", "7")},
		{"14", "14 days", f.url("stats", "days", "14")},
		{"31", "31 days", f.url("stats", "days", "31")},
	}, tables, done, people})
}

// actorShares counts by actor, who needs three columns.
func (q *request) actorShares(f filter, from string) ([]share, error) {
	since, err := moment(from, q.now)
	if err != nil {
		return nil, err
	}
	ask, err := q.asking(f)
	if err != nil {
		return nil, err
	}
	var rows []struct {
		ID, Type, Name string
		N              int64
	}
	const columns = "COALESCE(actor_id, ''), COALESCE(actor_type, '')"
	tx := ask.Since(since).DB(q.ctx).
		Select("COALESCE(actor_id, '') AS id, COALESCE(actor_type, '') AS type, COALESCE(MAX(actor_name), '') AS name, COUNT(*) AS n")
	if err := tx.Group(columns).Order("n DESC").Limit(12).Scan(&rows).Error; err != nil {
		return nil, err
	}
	var all []share
	for _, r := range rows {
		s := share{Name: actorName(audit.Actor{ID: r.ID, Type: r.Type, Name: r.Name}), Count: r.N, Percent: int(r.N * 100 / max(1, rows[0].N))}
		if r.ID != "" {
			s.Link = link("actor", nil, "id", r.ID, "type", r.Type)
		}
		if strings.TrimSpace(s.Name) == "" {
			s.Name = "Somebody"
		}
		all = append(all, s)
	}
	return all, nil
}
