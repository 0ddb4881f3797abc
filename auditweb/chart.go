package auditweb

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/history"
	"github.com/gorm-audit/auditplugin/internal/dialect"
)

// chart is records by day, as bars that the server draws.
type chart struct {
	Bars        []bar
	Width       int
	Total, Most int64
	From, To    string
	Late        bool // the database did not tell in time
}

// bar is one day. Places are those of a drawing 100 high.
type bar struct {
	X, Y, Height int
	Day, Words   string
	Count        int64
	Link         string
}

// barStep is the room of a bar in the drawing, and barWidth what it takes of it.
const barStep = 10

// firstDay is when the last n days began, in UTC and with today's among them.
func (q *request) firstDay(n int) time.Time {
	return q.now.UTC().Truncate(24*time.Hour).AddDate(0, 0, 1-n)
}

// lastDays narrows a question to the last n days. With one end alone, SQLite would take
// them for a quarter of the table.
func (q *request) lastDays(ask history.Query, n int) history.Query {
	first := q.firstDay(n)
	return ask.Since(first).Until(first.AddDate(0, 0, n))
}

// days counts records by day.
func (q *request) days(ask history.Query, n int, more ...string) (chart, error) {
	first := q.firstDay(n)
	// A count only adorns a page: half of the page's time is enough.
	ctx, cancel := context.WithTimeout(q.ctx, q.h.cfg.patience/2)
	defer cancel()
	var rows []struct {
		Day string
		N   int64
	}
	tx := q.lastDays(ask, n).DB(ctx)
	day := dayOf(tx)
	if err := tx.Select(day + " AS day, COUNT(*) AS n").Group(day).Scan(&rows).Error; err != nil {
		if errors.Is(ctx.Err(), context.DeadlineExceeded) && q.ctx.Err() == nil {
			return chart{Late: true}, nil
		}
		return chart{}, err
	}
	counts := map[string]int64{}
	for _, r := range rows {
		counts[r.Day] = r.N
	}
	c := chart{Width: n * barStep, From: first.Format("2 Jan"), To: first.AddDate(0, 0, n-1).Format("2 Jan")}
	for i := range n {
		day := first.AddDate(0, 0, i)
		count := counts[day.Format(time.DateOnly)]
		c.Total += count
		c.Most = max(c.Most, count)
		c.Bars = append(c.Bars, bar{
			X: i * barStep, Day: day.Format("Monday, 2 January"), Words: plural(count, "record"), Count: count,
			Link: link("search", nil, append([]string{
				"since", day.Format(time.RFC3339), "until", day.AddDate(0, 0, 1).Format(time.RFC3339),
			}, more...)...),
		})
	}
	for i := range c.Bars {
		b := &c.Bars[i]
		if b.Count > 0 {
			b.Height = max(2, int(b.Count*96/c.Most))
		}
		b.Y = 100 - b.Height
	}
	return c, nil
}

// dayOf is the day of a record, as text.
func dayOf(tx *gorm.DB) string {
	return strings.Replace(dialect.FactsOf(tx.Name()).DayText, "%s", "occurred_at", 1)
}

// share is a line of a table of counts, with a bar.
type share struct {
	Name, Link string
	Count      int64
	Percent    int
}

// shares counts records by a column, the most frequent first.
func (q *request) shares(ask history.Query, column string, most int, name func(string) share) ([]share, error) {
	var rows []struct {
		Name string
		N    int64
	}
	// An index that begins with the column would be walked from end to end to save
	// sorting the few records of the window; the expression is in none.
	by := "COALESCE(" + column + ", '')"
	tx := ask.DB(q.ctx)
	if err := tx.Select(by + " AS name, COUNT(*) AS n").Group(by).Order("n DESC").Limit(most).Scan(&rows).Error; err != nil {
		return nil, err
	}
	var all []share
	for _, r := range rows {
		s := name(r.Name)
		s.Count, s.Percent = r.N, int(r.N*100/max(1, rows[0].N))
		all = append(all, s)
	}
	return all, nil
}

// Label is what the drawing says to those who cannot see it.
func (c chart) Label() string {
	return "Records by day from " + c.From + " to " + c.To + ": " + strconv.FormatInt(c.Total, 10) + " in all, at most " + strconv.FormatInt(c.Most, 10) + " a day"
}
