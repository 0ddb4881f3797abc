package alert

import (
	"context"
	"strings"
	"time"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/emitter"
	"github.com/gorm-audit/auditplugin/internal/dialect"
)

// countPage is how many records are read at a time to count those that match.
const countPage = 500

// count returns how many records like r are in the fullest window that contains r,
// at most one above the limit on each side of it. It sees all committed records, or,
// with upto, those with sequence numbers up to that. r itself counts even if the
// table does not have it.
func (s *store) count(ctx context.Context, c *compiled, r *audit.Record, upto int64) (int, error) {
	var where []string
	var args []any
	for _, p := range append(c.narrow, c.count.key(r)...) {
		where = append(where, dialect.Quote(s.dialect, p.column)+" IN "+placeholders(len(p.values)))
		for _, v := range p.values {
			args = append(args, v)
		}
	}
	if upto > 0 {
		where = append(where, "seq <= ?")
		args = append(args, upto)
	}
	where = append(where, "id <> ?")
	args = append(args, emitter.StoredText("id", r.ID))
	base := strings.Join(where, " AND ")

	before, err := s.like(ctx, c, base, args, r.Time, r.Time.Add(-c.count.window), true)
	if err != nil {
		return 0, err
	}
	after, err := s.like(ctx, c, base, args, r.Time, r.Time.Add(c.count.window), false)
	if err != nil {
		return 0, err
	}
	times := append([]time.Time{r.Time}, before...)
	return crowded(append(times, after...), c.count.window), nil
}

// like returns the times of matching records from one time to another, backwards or
// forwards, until there are enough: those at the same time as from are found
// backwards.
func (s *store) like(ctx context.Context, c *compiled, base string, args []any, from, to time.Time, back bool) ([]time.Time, error) {
	compare := func(operator string) string { return "occurred_at " + operator + " " + s.timeMark() }
	where, order := compare(">")+" AND "+compare("<"), "occurred_at, seq"
	next := "(" + compare(">") + " OR " + compare("=") + " AND seq > ?)"
	if back {
		where, order = compare("<=")+" AND "+compare(">"), "occurred_at DESC, seq DESC"
		next = "(" + compare("<") + " OR " + compare("=") + " AND seq < ?)"
	}
	query := base + " AND " + where
	most := min(countPage, c.count.limit+1)
	args = append(args[:len(args):len(args)], s.timeArg(from), s.timeArg(to))
	var times []time.Time
	var last audit.Record
	for page := 0; ; page++ {
		q, a := query, args
		if page > 0 {
			q += " AND " + next
			a = append(a[:len(a):len(a)], s.timeArg(last.Time), s.timeArg(last.Time), last.Seq)
		}
		read := 0
		err := s.records(ctx, func(r audit.Record, unreadable error) error {
			read, last = read+1, r
			if unreadable == nil && c.when.holds(&r) {
				times = append(times, r.Time)
			}
			return unreadable
		}, q+" ORDER BY "+order+" LIMIT ?", append(a[:len(a):len(a)], most)...)
		if err != nil || read < most || len(times) > c.count.limit {
			return times, err
		}
	}
}
