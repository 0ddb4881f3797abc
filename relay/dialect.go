package relay

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/gorm-audit/auditplugin/emitter"
	"github.com/gorm-audit/auditplugin/internal/dialect"
)

// supported refuses settings under which a later change could have a smaller
// number, or a read would see an old state of the table.
func (s *store) supported(ctx context.Context) error {
	facts := s.facts()
	if facts.SequenceCacheQuery != "" {
		var cache int64
		if err := s.db.QueryRowContext(ctx, facts.SequenceCacheQuery, s.tables.audit.Quoted(s.dialect)).Scan(&cache); err != nil {
			return failed("reading pg_sequence", err)
		}
		if cache > 1 {
			return fmt.Errorf("%w: the sequence of the audit table has CACHE %d; set it to 1", ErrUnsupported, cache)
		}
	}
	if facts.AutocommitQuery != "" {
		var auto int
		if err := s.db.QueryRowContext(ctx, facts.AutocommitQuery).Scan(&auto); err != nil {
			return failed("reading autocommit", err)
		}
		if auto == 0 {
			return fmt.Errorf("%w: sessions have autocommit off", ErrUnsupported)
		}
	}
	return nil
}

func (s *store) facts() *dialect.Facts { return dialect.FactsOf(s.dialect) }

// holders returns names of the transactions that may have written records and are
// not over. A transaction that is missing has ended, and what it committed is
// visible to the next statement.
func (s *store) holders(ctx context.Context) (map[string]bool, error) {
	switch facts := s.facts(); {
	case facts.WritersQuery != "":
		return s.writers(ctx)
	case facts.TransactionsQuery != "":
		return s.transactions(ctx)
	}
	return nil, nil
}

// readQuery asks for the first records that are not delivered.
func (s *store) readQuery(p position, limit int) (string, []any) {
	table, seq := s.tables.audit.Quoted(s.dialect), dialect.Quote(s.dialect, "seq")
	columns := dialect.List(s.dialect, "", emitter.Columns())
	tail := fmt.Sprintf(" ORDER BY %s LIMIT %d", seq, limit)
	from := "SELECT " + columns + " FROM " + table + " WHERE " + seq
	if !s.facts().Unnests {
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
	return "SELECT " + columns + " FROM ((" + from + " > $1" + tail + ") UNION ALL (SELECT " + dialect.List(s.dialect, "a.", emitter.Columns()) +
			" FROM unnest(string_to_array($2::text, ',')::bigint[], string_to_array($3::text, ',')::bigint[]) AS g(lo, hi)" +
			" CROSS JOIN LATERAL (" + from + " BETWEEN g.lo AND g.hi" + tail + ") a)) r" + tail,
		[]any{p.high, strings.Join(los, ","), strings.Join(his, ",")}
}

// unhurried ends the SET of an UPDATE that nobody has to wait for the disk with: a
// position that a crash of the server takes back means that records come again, and
// dead letters go with it.
func (s *store) unhurried() string { return s.facts().Unhurried }

// sinceSQL puts "since" at the end of the JSON object.
func (s *store) sinceSQL(object string, age time.Duration, args []any) (string, []any) {
	head := object[:len(object)-1] + `,"since":`
	args = append(args, head, age.Microseconds())
	return s.facts().AddNumber(s.nowSQL()), args
}
