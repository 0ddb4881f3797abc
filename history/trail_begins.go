package history

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm/clause"

	"github.com/gorm-audit/auditplugin/audit"
)

// ErrBeforeTrail is a moment from before a table's changes were recorded: what its rows
// were then, or whether they were, nobody knows. A trail begins with its first record,
// whichever table that is about, or when the plugin was installed in this process; for one
// table, an event with "trail_begins" in its metadata says that it began later.
var ErrBeforeTrail = errors.New("auditplugin: the trail began later")

// The words in an event's metadata that this package reads.
const (
	// trailBegins, on an event that names a table and no row, says that the table's
	// changes are recorded from then on.
	trailBegins = "trail_begins"
	// baselineMark, on an event that names a row, says that After is the row as it was.
	baselineMark = "baseline"
)

// beginning is the event that says since when the table's changes are recorded; nil
// where nothing says so.
func (t *rowTable) beginning(ctx context.Context) (*audit.Record, error) {
	if t.begun != nil {
		return *t.begun, nil
	}
	r, err := t.q.ofRow(t.name, "").Action(audit.Event).where(func(b *builder) (clause.Expression, error) {
		return b.sql.Flagged(trailBegins), nil
	}).First(ctx)
	var found *audit.Record
	switch {
	case err == nil:
		found = &r
	case !errors.Is(err, ErrNotFound):
		return nil, err
	}
	t.begun = &found
	return found, nil
}

// checkBegun refuses tables of which not every action is recorded, and moments from before the trail of the table began: before the event
// that says so, and before any record of its rows.
func (t *rowTable) checkBegun(ctx context.Context, m Moment) error {
	if err := t.checkActions(); err != nil {
		return err
	}
	began, err := t.beginning(ctx)
	if err != nil || began == nil {
		return err
	}
	if begunBy(began, m) {
		t.speaksAt(m)
		return nil
	}
	err = t.checkRecorded(ctx, m)
	if errors.Is(err, ErrNotFound) {
		return fmt.Errorf("%w: changes of table %q are recorded since %s", ErrBeforeTrail, t.bare, began.Time.UTC().Format(time.RFC3339))
	}
	return err
}

// begunBy reports whether the event that says since when a table's changes are recorded is
// there, and not behind a moment.
func begunBy(began *audit.Record, m Moment) bool {
	return began != nil && (m.bySeq && m.seq >= began.Seq || !m.bySeq && !m.time.Before(began.Time))
}

// checkActions refuses tables of which the plugin's options leave out actions: what became of
// a row in between is not in its records.
func (t *rowTable) checkActions() error {
	p, ok := pluginOf(t.db).(interface {
		LeavesOut(table string) []audit.Action
	})
	if !ok || t.q.in != nil || t.q.table != "" {
		return nil
	}
	if left := p.LeavesOut(t.bare); len(left) > 0 {
		return fmt.Errorf("%w: the plugin's options (WithActions) leave out %q of rows of table %q", ErrUnknown, left, t.bare)
	}
	return nil
}

// checkRecorded fails with ErrNotFound where no row of the table has a record up to m.
func (t *rowTable) checkRecorded(ctx context.Context, m Moment) error {
	_, err := t.q.ofTable(t.name).rows().upTo(m).Limit(1).First(ctx)
	if err == nil {
		t.speaksAt(m)
	}
	return err
}

// speaksAt notes that the trail had begun by m.
func (t *rowTable) speaksAt(m Moment) {
	if !m.bySeq && (t.speaks.IsZero() || m.time.Before(t.speaks)) {
		t.speaks = m.time
	}
}

// checkGuess refuses moments from before the whole trail began: before its first record,
// and before the plugin was installed here. It is asked where no earlier record tells what
// a row was, but the present row or a later record. Nothing is written to know it: a trail
// that is used has a first record (docs/adr/0026-a-trail-begins.md).
func (t *rowTable) checkGuess(ctx context.Context, m Moment) error {
	if m.bySeq && !t.settings.proven || !m.bySeq && !t.speaks.IsZero() && !m.time.Before(t.speaks) {
		return nil
	}
	if p, ok := pluginOf(t.db).(interface {
		RecordsSince(table string) (time.Time, bool)
	}); ok && t.q.in == nil && t.q.table == "" {
		at, never := p.RecordsSince(t.bare)
		if never {
			return t.checkShown(ctx, m, "the plugin's options leave it out")
		}
		if !m.bySeq && !at.IsZero() && !m.time.Before(at.Truncate(time.Microsecond)) {
			return nil
		}
	}
	if t.settings.proven {
		return t.checkShown(ctx, m, "nothing proves that its changes were recorded")
	}
	left, err := t.pruned(ctx)
	if err != nil || left.any() && !m.time.Before(left.since) {
		return err
	}
	began, err := t.q.began(ctx)
	switch {
	case err != nil:
		return err
	case began.IsZero():
		return fmt.Errorf("%w: it has no record yet", ErrBeforeTrail)
	case m.time.Before(began):
		return fmt.Errorf("%w: its first record is of %s", ErrBeforeTrail, began.UTC().Format(time.RFC3339))
	}
	t.speaksAt(At(began))
	return nil
}

// checkShown refuses moments by which neither a row of the table has a record, nor an event
// says that it is recorded.
func (t *rowTable) checkShown(ctx context.Context, m Moment, why string) error {
	if began, err := t.beginning(ctx); err != nil || begunBy(began, m) {
		return err
	}
	err := t.checkRecorded(ctx, m)
	if errors.Is(err, ErrNotFound) {
		return fmt.Errorf("%w: no row of table %q has a record of then, and %s", ErrBeforeTrail, t.bare, why)
	}
	return err
}

// began is the time of the earliest record of all; zero without one.
func (q Query) began(ctx context.Context) (time.Time, error) {
	whole := Search(q.db).at(q)
	whole.byTime = true
	r, err := whole.First(ctx)
	if errors.Is(err, ErrNotFound) {
		return time.Time{}, nil
	}
	return r.Time, err
}
