package relay

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"strings"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/emitter"
)

// batch is what one statement returned, in order.
type batch struct {
	records []audit.Record
	// unreadable has the errors of the records that could not be read, by number.
	unreadable map[int64]error
	// full says that there may be more.
	full bool
}

func (b batch) seqs() []int64 {
	seqs := make([]int64, len(b.records))
	for i := range b.records {
		seqs[i] = b.records[i].Seq
	}
	return seqs
}

// read returns the first records that are visible and not delivered. It is one
// statement, and so sees one state of the table: if a change is in it, so is every
// earlier change of the same row.
func (s *store) read(ctx context.Context, p position, limit int) (batch, error) {
	b := batch{}
	query, args := s.readQuery(p, limit)
	rows, err := s.db.QueryContext(ctx, query, args...)
	if err != nil {
		return b, fmt.Errorf("auditplugin: relay: reading the audit table: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		r, err := emitter.ReadRecord(rows)
		if err != nil {
			if r.Seq == 0 {
				return b, err
			}
			if b.unreadable == nil {
				b.unreadable = make(map[int64]error)
			}
			b.unreadable[r.Seq] = fmt.Errorf("%w: %w", ErrUnreadable, err)
		}
		b.records = append(b.records, r)
	}
	if err := rows.Err(); err != nil {
		return b, fmt.Errorf("auditplugin: relay: reading the audit table: %w", err)
	}
	b.full = len(b.records) == limit
	return b, nil
}

func (s *store) readQuery(p position, limit int) (string, []any) {
	table, seq := s.tables.audit.quoted(s.dialect), quote(s.dialect, "seq")
	columns := columnList(s.dialect, "")
	tail := fmt.Sprintf(" ORDER BY %s LIMIT %d", seq, limit)
	from := "SELECT " + columns + " FROM " + table + " WHERE " + seq
	if s.dialect != postgres {
		// Literals: they are numbers, and MySQL's driver would prepare a statement for
		// arguments. Ranges of one key are looked up one by one.
		return from + " > " + strconv.FormatInt(p.high, 10) + between(" OR "+seq, p.gaps) + tail, nil
	}
	// One text, whatever the numbers are, so that drivers can keep it prepared; and
	// for each gap a look-up of its own, since a planner that has to guess may read
	// all that lies between the gaps.
	if len(p.gaps) == 0 {
		return from + " > $1" + tail, []any{p.high}
	}
	los, his := make([]string, len(p.gaps)), make([]string, len(p.gaps))
	for i, g := range p.gaps {
		los[i], his[i] = strconv.FormatInt(g.lo, 10), strconv.FormatInt(g.hi, 10)
	}
	return "SELECT " + columns + " FROM ((" + from + " > $1" + tail + ") UNION ALL (SELECT " + columnList(s.dialect, "a.") +
			" FROM unnest(string_to_array($2::text, ',')::bigint[], string_to_array($3::text, ',')::bigint[]) AS g(lo, hi)" +
			" CROSS JOIN LATERAL (" + from + " BETWEEN g.lo AND g.hi" + tail + ") a)) r" + tail,
		[]any{p.high, strings.Join(los, ","), strings.Join(his, ",")}
}

func between(column string, gaps []span) string {
	var b strings.Builder
	for _, g := range gaps {
		fmt.Fprintf(&b, "%s BETWEEN %d AND %d", column, g.lo, g.hi)
	}
	return b.String()
}

// window is how far back FromNow looks for records of transactions under way.
const window = 1_000_000

// now returns the position of a subscriber that wants what commits from now on.
func (s *store) now(ctx context.Context) (position, error) {
	table, seq := s.tables.audit.quoted(s.dialect), quote(s.dialect, "seq")
	var last int64
	if err := s.db.QueryRowContext(ctx, "SELECT COALESCE(MAX("+seq+"), 0) FROM "+table).Scan(&last); err != nil {
		return position{}, fmt.Errorf("auditplugin: relay: reading the audit table: %w", err)
	}
	p := position{high: last}
	if s.dialect == sqlite {
		return p, nil // one writer at a time: what is not visible is not there
	}
	if s.dialect == postgres {
		// Who wrote a number up to last and has not ended by now is seen here.
		if h, err := s.holders(ctx); err != nil {
			return p, err
		} else if len(h) == 0 {
			return p, nil
		}
	}
	rows, err := s.db.QueryContext(ctx, fmt.Sprintf("SELECT %s FROM %s WHERE %s > %d AND %s <= %d ORDER BY %s", seq, table, seq, last-window, seq, last, seq))
	if err != nil {
		return p, fmt.Errorf("auditplugin: relay: reading the audit table: %w", err)
	}
	defer rows.Close()
	return missingUpTo(rows, max(0, last-window), last)
}

// mostGaps bounds what a new subscriber starts with, in a table with many holes.
const mostGaps = 2000

func missingUpTo(rows *sql.Rows, from, last int64) (position, error) {
	p := position{high: from}
	for rows.Next() {
		var seq int64
		if err := rows.Scan(&seq); err != nil {
			return p, fmt.Errorf("auditplugin: relay: reading the audit table: %w", err)
		}
		if seq > p.high+1 {
			p.add(span{p.high + 1, seq - 1})
		}
		p.high = seq
	}
	if p.high < last {
		p.add(span{p.high + 1, last})
		p.high = last
	}
	if n := len(p.gaps); n > mostGaps {
		p.gaps = p.gaps[n-mostGaps:]
	}
	return p, rows.Err()
}
