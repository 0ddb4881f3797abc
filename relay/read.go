package relay

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/emitter"
	"github.com/gorm-audit/auditplugin/internal/dialect"
	"github.com/gorm-audit/auditplugin/internal/owntable"
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
	err := owntable.Each(ctx, s.db, func(row *sql.Rows) error {
		r, err := emitter.ReadRecord(row)
		if err != nil {
			if r.Seq == 0 {
				return err
			}
			if b.unreadable == nil {
				b.unreadable = make(map[int64]error)
			}
			b.unreadable[r.Seq] = fmt.Errorf("%w: %w", ErrUnreadable, err)
		}
		b.records = append(b.records, r)
		return nil
	}, query, args...)
	b.full = len(b.records) == limit
	return b, failed(readingTable, err)
}

func between(column string, gaps []span) string {
	var b strings.Builder
	for _, g := range gaps {
		fmt.Fprintf(&b, "%s BETWEEN %d AND %d", column, g.lo, g.hi)
	}
	return b.String()
}

const readingTable = "reading the audit table"

// window is how far back FromNow looks for records of transactions under way.
const window = 1_000_000

// now returns the position of a subscriber that wants what commits from now on.
func (s *store) now(ctx context.Context) (position, error) {
	table, seq := s.tables.audit.Quoted(s.dialect), dialect.Quote(s.dialect, "seq")
	var last int64
	if err := s.db.QueryRowContext(ctx, "SELECT COALESCE(MAX("+seq+"), 0) FROM "+table).Scan(&last); err != nil {
		return position{}, failed(readingTable, err)
	}
	p := position{high: last}
	if s.facts().OneWriter {
		return p, nil
	}
	if !s.facts().NumbersBeforeListing {
		// Who wrote a number up to last and has not ended by now is seen here.
		if h, err := s.holders(ctx); err != nil {
			return p, err
		} else if len(h) == 0 {
			return p, nil
		}
	}
	p.high = max(0, last-window)
	err := owntable.Each(ctx, s.db, func(row *sql.Rows) error {
		var seq int64
		err := row.Scan(&seq)
		p.reach(seq)
		return err
	}, fmt.Sprintf("SELECT %s FROM %s WHERE %s > %d AND %s <= %d ORDER BY %s", seq, table, seq, last-window, seq, last, seq))
	p.reach(last + 1)
	p.high = last
	if n := len(p.gaps); n > mostGaps {
		p.gaps = p.gaps[n-mostGaps:]
	}
	return p, failed(readingTable, err)
}

// mostGaps bounds what a new subscriber starts with, in a table with many holes.
const mostGaps = 2000

// reach moves high to a visible number; what lies between is a gap.
func (p *position) reach(seq int64) {
	if seq > p.high+1 {
		p.add(span{p.high + 1, seq - 1})
	}
	p.high = seq
}
