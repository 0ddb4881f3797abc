package relay

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/gorm-audit/auditplugin/internal/dialect"
	"github.com/gorm-audit/auditplugin/internal/owntable"
)

// Stats tells how a subscriber is doing. It is read from the database, so that it is
// the same in every process.
type Stats struct {
	// Name is the subscriber's.
	Name string
	// Seq is the largest sequence number seen; smaller ones that are not delivered
	// are counted in Missing.
	Seq int64
	// Missing is how many ranges of sequence numbers below Seq have no visible record
	// yet: transactions under way, or rolled back, or pruned. They are looked for
	// until it is certain that nothing will come.
	Missing int
	// Lag is how many records wait, up to [MostLag].
	Lag int64
	// Behind is the age of the oldest record that waits, by the database's clock and
	// the record's time; 0 if none waits.
	Behind time.Duration
	// Delivered is how many records the sink accepted, and Failed how many of its
	// calls ended with an error, since the subscriber was added.
	Delivered, Failed int64
	// Dead is how many dead letters there are, those to be replayed included.
	Dead int64
	// Holder names the process that serves the subscriber, "" if none does.
	Holder string
	// LastError is the last error, at LastErrorAt; both are empty if there was none.
	LastError   string
	LastErrorAt time.Time
}

// MostLag is where Stats stops counting the records that wait.
const MostLag = 100_000

// Names returns the names of all subscribers that were ever added, by any process, and
// not removed, sorted. What they are up to tells [Subscriber.Stats].
func (r *Relay) Names(ctx context.Context) ([]string, error) {
	names, err := owntable.Texts(ctx, r.store.db, "SELECT name FROM "+r.store.tables.positions.Quoted(r.store.dialect)+" ORDER BY name")
	return names, failed("listing subscribers", err)
}

// Stats returns the state of all subscribers that this process has subscribed, in
// the order of Subscribe.
func (r *Relay) Stats(ctx context.Context) ([]Stats, error) {
	r.mu.Lock()
	workers := r.workers
	r.mu.Unlock()
	all := make([]Stats, 0, len(workers))
	for _, w := range workers {
		one, err := r.Subscriber(w.name).Stats(ctx)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, nil
}

// Stats returns the subscriber's state. It fails with [ErrNoSubscriber] if it was
// never added.
func (s *Subscriber) Stats(ctx context.Context) (Stats, error) {
	st := s.relay.store
	g := Stats{Name: s.name}
	fail := func(err error) (Stats, error) {
		return g, failed(fmt.Sprintf("stats of %q", s.name), err)
	}
	var p position
	var now, failedAt int64
	var text string
	err := st.row(ctx, "SELECT high, gaps, delivered, failed, last_error, last_error_at, "+st.nowSQL()+
		" FROM "+st.tables.positions.Quoted(st.dialect)+" WHERE name = ?", s.name).
		Scan(&p.high, &text, &g.Delivered, &g.Failed, &g.LastError, &failedAt, &now)
	if errors.Is(err, sql.ErrNoRows) {
		return g, fmt.Errorf("%w: %q", ErrNoSubscriber, s.name)
	} else if err != nil {
		return fail(err)
	}
	state, err := parseGaps(text)
	if err != nil {
		return fail(err)
	}
	p.gaps = state.Gaps
	g.Seq, g.Missing = p.high, len(p.gaps)
	if failedAt > 0 {
		g.LastErrorAt = time.UnixMicro(failedAt).UTC()
	}
	if g.Lag, err = st.lag(ctx, p); err != nil {
		return fail(err)
	}
	if g.Lag > 0 {
		oldest, err := st.read(ctx, p, 1)
		if err != nil {
			return fail(err)
		}
		if len(oldest.records) > 0 {
			g.Behind = max(0, time.UnixMicro(now).Sub(oldest.records[0].Time))
		}
	}
	dead := st.row(ctx, "SELECT COUNT(*) FROM "+st.tables.dead.Quoted(st.dialect)+" WHERE subscriber = ?", s.name)
	if err := dead.Scan(&g.Dead); err != nil {
		return fail(err)
	}
	if g.Holder, _, err = s.relay.leases.Holder(ctx, s.name); err != nil {
		return fail(err)
	}
	return g, nil
}

// lag counts the records that are visible and not delivered.
func (s *store) lag(ctx context.Context, p position) (int64, error) {
	table, seq := s.tables.audit.Quoted(s.dialect), dialect.Quote(s.dialect, "seq")
	query := fmt.Sprintf("SELECT COUNT(*) FROM (SELECT 1 FROM %s WHERE %s > %d%s LIMIT %d) waiting", table, seq, p.high, between(" OR "+seq, p.gaps), MostLag)
	var n int64
	return n, s.db.QueryRowContext(ctx, query).Scan(&n)
}
