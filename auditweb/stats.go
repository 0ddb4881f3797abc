package auditweb

import (
	"cmp"
	"slices"
	"time"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/history"
	"github.com/gorm-audit/auditplugin/internal/dialect"
)

// statDays are the windows that statistics have; longer ones would read too much.
var statDays = map[string]int{"": 7, "7": 7, "14": 14, "31": 31}

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
	from := q.firstDay(n).Format(time.RFC3339)
	window := q.lastDays(ask, n)
	var tables, done, people []share
	tables, err = q.shares(window, "table_name", 12, func(name string) share {
		if name == "" {
			return share{Name: "no table"}
		}
		return share{Name: brief(q.h.called("", name)), Link: link("search", nil, "table", name, "since", from)}
	})
	if err != nil {
		return err
	}
	if window, err = q.near(window); err != nil {
		return err
	}
	if done, people, err = q.doings(f, window, from); err != nil {
		return err
	}
	var windows []option
	for _, days := range []string{"7", "14", "31"} {
		windows = append(windows, option{f.url("stats", "days", days), days + " days", statDays[days] == n})
	}
	return q.show("stats", "Statistics", "", struct {
		Days                   chart
		N                      int
		Table                  string
		Windows                []option
		Tables, Actions, Actor []share
	}{days, n, f.get("table"), windows, tables, done, people})
}

// near keeps a window to the seqs between which its records lie, where the database would
// rather go through the whole table than look for each of them. An index has the seqs.
func (q *request) near(window history.Query) (history.Query, error) {
	tx := window.DB(q.ctx)
	if !dialect.FactsOf(tx.Name()).ScattersWindows {
		return window, nil
	}
	var span struct{ First, Last int64 }
	if err := tx.Select("COALESCE(MIN(seq), 0) AS first, COALESCE(MAX(seq), 0) AS last").Scan(&span).Error; err != nil {
		return window, err
	}
	return window.Scopes(func(tx *gorm.DB) *gorm.DB {
		return tx.Where("seq BETWEEN ? AND ?", span.First, span.Last)
	}), nil
}

// doing is how often somebody did something.
type doing struct {
	Action, ID, Type, Name string
	N                      int64
}

// doings counts by action and by actor. Neither is in the index of time, so that the
// records are gone through once for both.
func (q *request) doings(f filter, window history.Query, from string) (done, people []share, err error) {
	var rows []doing
	tx := window.DB(q.ctx).Select("COALESCE(action, '') AS action, COALESCE(actor_id, '') AS id, COALESCE(actor_type, '') AS type, COALESCE(MAX(actor_name), '') AS name, COUNT(*) AS n")
	if err := tx.Group("COALESCE(action, ''), COALESCE(actor_id, ''), COALESCE(actor_type, '')").Scan(&rows).Error; err != nil {
		return nil, nil, err
	}
	byAction, byActor := map[string]int64{}, map[audit.Actor]int64{}
	names := map[audit.Actor]string{}
	for _, r := range rows {
		who := audit.Actor{ID: r.ID, Type: r.Type}
		byAction[r.Action] += r.N
		byActor[who] += r.N
		names[who] = max(names[who], r.Name)
	}
	for action, n := range byAction {
		done = append(done, share{Name: actionWord(audit.Action(action)), Link: f.url("search", "action", action, "since", from), Count: n})
	}
	for who, n := range byActor {
		s := share{Name: brief(actorName(audit.Actor{ID: who.ID, Type: who.Type, Name: names[who]})), Count: n}
		if who.ID != "" {
			s.Link = link("actor", nil, "id", who.ID, "type", who.Type)
		}
		people = append(people, s)
	}
	return most(done, 12), most(people, 12), nil
}

// most are the n largest shares, the largest first.
func most(all []share, n int) []share {
	slices.SortFunc(all, func(a, b share) int { return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Name, b.Name)) })
	all = all[:min(n, len(all))]
	for i := range all {
		all[i].Percent = int(all[i].Count * 100 / all[0].Count)
	}
	return all
}
