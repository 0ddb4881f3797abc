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
// were then, or whether they were, nobody knows.
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

// checkBegun refuses moments from before the trail of the table began: before the event
// that says so, and before any record of its rows.
func (t *rowTable) checkBegun(ctx context.Context, m Moment) error {
	began, err := t.beginning(ctx)
	if err != nil || began == nil || m.bySeq && m.seq >= began.Seq || !m.bySeq && !m.time.Before(began.Time) {
		return err
	}
	_, err = t.q.ofTable(t.name).rows().upTo(m).Limit(1).First(ctx)
	if errors.Is(err, ErrNotFound) {
		return fmt.Errorf("%w: changes of table %q are recorded since %s", ErrBeforeTrail, t.bare, began.Time.UTC().Format(time.RFC3339))
	}
	return err
}
