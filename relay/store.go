package relay

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/gorm-audit/auditplugin/internal/lease"
	"github.com/gorm-audit/auditplugin/internal/sqltext"
)

// store reads the audit table and keeps the relay's own.
type store struct {
	db      *sql.DB
	dialect string
	tables  tables
}

func (s *store) exec(ctx context.Context, on execer, query string, args ...any) (int64, error) {
	result, err := on.ExecContext(ctx, sqltext.Placeholders(s.dialect, query), args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

type execer interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

func (s *store) nowSQL() string { return lease.Now(s.dialect) }

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
	err := s.db.QueryRowContext(ctx, sqltext.Placeholders(s.dialect, "SELECT 1 FROM "+s.tables.positions.quoted(s.dialect)+" WHERE name = ?"), name).Scan(&one)
	if err == nil {
		return nil
	}
	if !errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("auditplugin: relay: subscriber %q: %w", name, err)
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
	query := "INSERT INTO " + s.tables.positions.quoted(s.dialect) + " " + values + " ON CONFLICT (name) DO NOTHING"
	if s.dialect == mysql {
		query = "INSERT IGNORE INTO " + s.tables.positions.quoted(s.dialect) + " " + values
	}
	if _, err := s.exec(ctx, s.db, query, name, p.high, string(gaps)); err != nil {
		return fmt.Errorf("auditplugin: relay: subscriber %q: %w", name, err)
	}
	return nil
}

// take claims a subscriber's row for a lease and returns its position. From then on
// no earlier lease can write it.
func (s *store) take(ctx context.Context, name string, token int64) (position, *watch, error) {
	var p position
	fail := func(err error) (position, *watch, error) {
		return p, nil, fmt.Errorf("auditplugin: relay: subscriber %q: %w", name, err)
	}
	table := s.tables.positions.quoted(s.dialect)
	n, err := s.exec(ctx, s.db, "UPDATE "+table+" SET token = ?, version = version + 1 WHERE name = ? AND token < ?", token, name, token)
	if err != nil {
		return fail(err)
	}
	if n == 0 {
		return fail(ErrLeaseLost)
	}
	var text string
	var now int64
	err = s.db.QueryRowContext(ctx, sqltext.Placeholders(s.dialect, "SELECT high, gaps, "+s.nowSQL()+" FROM "+table+" WHERE name = ? AND token = ?"), name, token).
		Scan(&p.high, &text, &now)
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
	fail := func(err error) error {
		return fmt.Errorf("auditplugin: relay: subscriber %q: saving its position: %w", g.name, err)
	}
	if len(g.dead)+len(g.revived)+len(g.failedIDs) == 0 {
		if err := s.savePosition(ctx, s.db, g); err != nil {
			return fail(err)
		}
		return nil
	}
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return fail(err)
	}
	defer func() { _ = tx.Rollback() }() // after Commit it does nothing
	if err := s.savePosition(ctx, tx, g); err != nil {
		return fail(err)
	}
	if err := s.saveLetters(ctx, tx, g); err != nil {
		return fail(err)
	}
	if err := tx.Commit(); err != nil {
		return fail(err)
	}
	return nil
}

func (s *store) savePosition(ctx context.Context, on execer, g progress) error {
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
	query := "UPDATE " + s.tables.positions.quoted(s.dialect) + " SET version = version + 1, high = ?, gaps = " + text +
		", delivered = delivered + ?, failed = failed + ?, updated_at = " + now
	args = append(args, g.delivered, g.failed)
	if g.err != "" {
		query += ", last_error = ?, last_error_at = " + now
		args = append(args, g.err)
	}
	if s.dialect == postgres {
		// Nobody has to wait for the disk: a position that a crash of the server takes
		// back means that records come again, and dead letters go with it.
		query += " FROM (SELECT set_config('synchronous_commit', 'off', true)) AS later"
	}
	args = append(args, g.name, g.token)
	n, err := s.exec(ctx, on, query+" WHERE name = ? AND token = ?", args...)
	if err != nil {
		return err
	}
	if n == 0 {
		return ErrLeaseLost
	}
	return nil
}

// sinceSQL puts "since" at the end of the JSON object.
func (s *store) sinceSQL(object string, age time.Duration, args []any) (string, []any) {
	head := object[:len(object)-1] + `,"since":`
	args = append(args, head, age.Microseconds())
	if s.dialect == mysql {
		return "CONCAT(?, " + s.nowSQL() + " - ?, '}')", args
	}
	return "CAST(? AS text) || CAST(" + s.nowSQL() + " - CAST(? AS bigint) AS text) || '}'", args
}
