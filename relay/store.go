package relay

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/internal/dialect"
	"github.com/gorm-audit/auditplugin/internal/owntable"
)

// store reads the audit table and keeps the relay's own.
type store struct {
	db      *sql.DB
	dialect string
	tables  tables
}

// openStore finds the audit table behind db, and creates the relay's own tables if it
// may.
func openStore(db *gorm.DB, c config) (*store, error) {
	s, err := openReading(db, c)
	if err != nil {
		return nil, err
	}
	ctx := owntable.Context(db)
	if c.noCreate {
		return s, s.missing(ctx)
	}
	return s, s.create(ctx)
}

// openReading opens the audit table for reading, without the relay's own tables.
func openReading(db *gorm.DB, c config) (*store, error) {
	own := owntable.Errors{
		Failed: failed, Invalid: ErrInvalidOption, InTransaction: invalid("the database handle is inside a transaction"), Missing: ErrTableMissing,
	}
	pool, err := own.Pool(db)
	if err != nil {
		return nil, err
	}
	if !dialect.Known(db.Name()) {
		return nil, fmt.Errorf("%w: %q", ErrUnknownDialect, db.Name())
	}
	ctx := owntable.Context(db)
	table, err := own.Qualify(ctx, pool, db.Name(), c.table)
	if err != nil {
		return nil, err
	}
	s := &store{db: pool, dialect: db.Name(), tables: newTables(table, c.prefix)}
	if err := s.exists(ctx, table); err != nil {
		return nil, err
	}
	return s, s.supported(ctx)
}

func (s *store) exec(ctx context.Context, on audit.Conn, query string, args ...any) (int64, error) {
	return owntable.Affected(on.ExecContext(ctx, dialect.Placeholders(s.dialect, query), args...))
}

func (s *store) row(ctx context.Context, query string, args ...any) *sql.Row {
	return s.db.QueryRowContext(ctx, dialect.Placeholders(s.dialect, query), args...)
}

func (s *store) nowSQL() string { return s.facts().Now }

// gapState is what the column gaps holds.
type gapState struct {
	Gaps []span `json:"gaps"`
	// Upto and Since are a watch that was under way: see settler.
	Upto  int64 `json:"upto,omitempty"`
	Since int64 `json:"since,omitempty"` // microseconds, the database's time
}

func parseGaps(text string) (gapState, error) {
	var state gapState
	if err := json.Unmarshal([]byte(text), &state); err != nil {
		return state, fmt.Errorf("column gaps is not what this version writes: %w", err)
	}
	return state, nil
}

// add makes the row of a new subscriber, unless it has one.
func (s *store) add(ctx context.Context, name string, st start) error {
	var one int
	table := s.tables.positions.Quoted(s.dialect)
	err := s.row(ctx, "SELECT 1 FROM "+table+" WHERE name = ?", name).Scan(&one)
	if !errors.Is(err, sql.ErrNoRows) {
		return failed(subscriber(name), err)
	}
	p := position{high: max(0, st.seq-1)}
	if st.now {
		if p, err = s.now(ctx); err != nil {
			return err
		}
	}
	gaps, err := json.Marshal(gapState{Gaps: p.gaps})
	if err != nil {
		return err
	}
	values := "(name, token, version, high, gaps, delivered, failed, last_error, last_error_at, updated_at) VALUES (?, 0, 0, ?, ?, 0, 0, '', 0, " + s.nowSQL() + ")"
	_, err = s.exec(ctx, s.db, s.facts().InsertNew(table, "name", values), name, p.high, string(gaps))
	return failed(subscriber(name), err)
}

// take claims a subscriber's row for a lease and returns its position. From then on
// no earlier lease can write it.
func (s *store) take(ctx context.Context, name string, token int64) (position, *watch, error) {
	var p position
	fail := func(err error) (position, *watch, error) {
		return p, nil, failed(subscriber(name), err)
	}
	table := s.tables.positions.Quoted(s.dialect)
	n, err := s.exec(ctx, s.db, "UPDATE "+table+" SET token = ?, version = version + 1 WHERE name = ? AND token < ?", token, name, token)
	if err != nil {
		return fail(err)
	}
	if n == 0 {
		return fail(ErrLeaseLost)
	}
	var text string
	var now int64
	err = s.row(ctx, "SELECT high, gaps, "+s.nowSQL()+" FROM "+table+" WHERE name = ? AND token = ?", name, token).Scan(&p.high, &text, &now)
	if errors.Is(err, sql.ErrNoRows) {
		return fail(ErrLeaseLost)
	} else if err != nil {
		return fail(err)
	}
	state, err := parseGaps(text)
	if err != nil {
		return fail(err)
	}
	p.gaps = state.Gaps
	if state.Upto == 0 {
		return p, nil, nil
	}
	age := time.Duration(max(0, now-state.Since)) * time.Microsecond
	return p, &watch{upto: state.Upto, since: time.Now().Add(-age)}, nil
}

// progress is what is saved together.
type progress struct {
	name      string
	token     int64
	position  position
	watch     *watch
	delivered int64
	failed    int64
	err       string // "" leaves the last one
	dead      []letter
	revived   []int64 // ids of dead letters that were delivered
	failedIDs []letter
}

// save writes how far a subscriber has come, and its dead letters, in one
// transaction. It fails with [ErrLeaseLost] if another process has taken over.
func (s *store) save(ctx context.Context, g progress) error {
	step := subscriber(g.name) + ": saving its position"
	if len(g.dead)+len(g.revived)+len(g.failedIDs) == 0 {
		return failed(step, s.savePosition(ctx, s.db, g))
	}
	return failed(step, owntable.InTx(ctx, s.db, func(tx *sql.Tx) error {
		if err := s.savePosition(ctx, tx, g); err != nil {
			return err
		}
		return s.saveLetters(ctx, tx, g)
	}))
}

func (s *store) savePosition(ctx context.Context, on audit.Conn, g progress) error {
	state := gapState{Gaps: g.position.gaps}
	now := s.nowSQL()
	if g.watch != nil {
		state.Upto = g.watch.upto
	}
	gaps, err := json.Marshal(state)
	if err != nil {
		return err
	}
	text := "?"
	args := []any{g.position.high}
	if g.watch != nil {
		// The age of the watch, taken from the database's time.
		text, args = s.sinceSQL(string(gaps), time.Since(g.watch.since), args)
	} else {
		args = append(args, string(gaps))
	}
	query := "UPDATE " + s.tables.positions.Quoted(s.dialect) + " SET version = version + 1, high = ?, gaps = " + text +
		", delivered = delivered + ?, failed = failed + ?, updated_at = " + now
	args = append(args, g.delivered, g.failed)
	if g.err != "" {
		query += ", last_error = ?, last_error_at = " + now
		args = append(args, g.err)
	}
	args = append(args, g.name, g.token)
	n, err := s.exec(ctx, on, query+s.unhurried()+" WHERE name = ? AND token = ?", args...)
	if err != nil {
		return err
	}
	if n == 0 {
		return ErrLeaseLost
	}
	return nil
}
