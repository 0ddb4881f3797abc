package history

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm/clause"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/history/internal/condition"
)

// Moment is a point in a trail. Rows are put together as they were right after
// everything up to it had happened. Make one with [At], [AtSeq], [Before] or
// [After].
type Moment struct {
	time   time.Time
	seq    int64
	record string // an id whose seq is not known yet
	before bool   // the moment right before the record, not after it
	bySeq  bool
}

// When is what moments are given as: a time.Time t stands for At(t).
type When interface{ time.Time | Moment }

// At is the moment t. A change counts from [audit.Record].Time on, which is when
// its statement returned: before its transaction committed, so that other sessions
// saw it a little later. Times are compared in microseconds, as the audit table
// keeps them; changes of one row that have the same time are all included. For one row,
// a change also counts at the very time that it gave the row as UpdatedAt, CreatedAt or
// DeletedAt, to the microsecond: GORM takes that before the statement. Where
// the clocks of several writers disagree, seq decides what came after what: the
// moment is behind the last record of the row whose time is t or earlier.
func At(t time.Time) Moment { return Moment{time: t} }

// AtSeq is the moment behind the record with the given seq, by the order of the
// audit table, which no clock can disturb. Within one row it is the order in which
// the changes were made; between rows, the order in which they were written down.
func AtSeq(seq int64) Moment { return Moment{seq: seq, bySeq: true} }

// Before is the moment right before r. A record from another source than the audit
// table, which has no seq, is looked up by its id.
func Before(r audit.Record) Moment { return momentOfRecord(r, true) }

// After is the moment right after r, otherwise like [Before].
func After(r audit.Record) Moment { return momentOfRecord(r, false) }

func momentOfRecord(r audit.Record, before bool) Moment {
	if r.Seq == 0 {
		return Moment{record: r.ID, before: before, bySeq: true}
	}
	if before {
		return AtSeq(r.Seq - 1)
	}
	return AtSeq(r.Seq)
}

// momentOf looks up what m leaves open.
func momentOf[M When](ctx context.Context, q Query, when M) (Moment, error) {
	m, ok := any(when).(Moment)
	if !ok {
		t, _ := any(when).(time.Time)
		return At(t), nil
	}
	if m.record == "" {
		if m == (Moment{}) {
			return m, fmt.Errorf("%w: the moment is not set", ErrInvalidQuery)
		}
		return m, nil
	}
	r, err := q.ID(m.record).First(ctx)
	if err != nil {
		if errors.Is(err, ErrNotFound) {
			return m, fmt.Errorf("%w: record %q is not in the audit table", ErrNotFound, m.record)
		}
		return m, err
	}
	if m.before {
		return AtSeq(r.Seq - 1), nil
	}
	return AtSeq(r.Seq), nil
}

// upTo narrows q to what had happened at m, judged record by record.
func (q Query) upTo(m Moment) Query {
	if m.bySeq {
		return q.where(func(*builder) (clause.Expression, error) {
			return clause.Lte{Column: condition.Column("seq"), Value: m.seq}, nil
		})
	}
	return q.where(func(b *builder) (clause.Expression, error) {
		return clause.Lte{Column: condition.Column("occurred_at"), Value: storedTime(b.facts, m.time)}, nil
	})
}

// from narrows q to what happened after m.
func (q Query) from(m Moment) Query {
	if m.bySeq {
		return q.behind(m.seq)
	}
	return q.where(func(b *builder) (clause.Expression, error) {
		return clause.Gt{Column: condition.Column("occurred_at"), Value: storedTime(b.facts, m.time)}, nil
	})
}

// behind narrows q to records after seq, ahead to those before it.
func (q Query) behind(seq int64) Query {
	return q.where(func(*builder) (clause.Expression, error) {
		return clause.Gt{Column: condition.Column("seq"), Value: seq}, nil
	})
}

func (q Query) ahead(seq int64) Query {
	return q.where(func(*builder) (clause.Expression, error) {
		return clause.Lt{Column: condition.Column("seq"), Value: seq}, nil
	})
}

// ofRow narrows q to one row, as its records name it.
func (q Query) ofRow(table, recordID string) Query {
	return q.ofTable(table).where(func(*builder) (clause.Expression, error) {
		return equals("record_id", recordID), nil
	})
}

func (q Query) ofTable(table string) Query {
	return q.where(func(b *builder) (clause.Expression, error) { return b.inTable(table), nil })
}

// rows narrows q to records about rows: their changes, and baselines.
func (q Query) rows() Query {
	changes := []any{string(audit.Create), string(audit.Update), string(audit.Delete), string(audit.SoftDelete), string(audit.Restore)}
	return q.where(func(b *builder) (clause.Expression, error) {
		return condition.OneOf([]clause.Expression{among{"action", changes}, condition.AllOf(equals("action", string(audit.Event)), b.sql.Flagged(baselineMark))}), nil
	})
}
