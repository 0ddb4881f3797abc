package history

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/gorm-audit/auditplugin/audit"
)

// replayed is one row of a batch whose records are gone through together.
type replayed struct {
	id      rowID
	present []any
	h       head
	w       *walker
	seen    int64 // seq of the last record
	done    bool
}

const (
	// fewLeft rows of a batch are gone through one by one, with the database's help,
	// and so is a batch that has read mostPages pages of records.
	fewLeft   = 3
	mostPages = 40
)

// pasts puts rows together as they were at m, with a number of questions that does not
// depend on how many they are, as far as their trails are short.
func (t *rowTable) pasts(ctx context.Context, rows []*replayed, m Moment, f func(r *replayed, p past, err error) error) error {
	if len(rows) == 0 {
		return nil
	}
	if err := t.lastRecords(ctx, rows, m); err != nil {
		return err
	}
	if err := t.goThrough(ctx, rows, m); err != nil {
		return err
	}
	if err := t.arrivalsOf(ctx, rows, m); err != nil {
		return err
	}
	// Most often one question tells that enough records of all of them were kept.
	kept, err := t.pruned(ctx)
	if err != nil {
		return err
	}
	err = t.checkThinned(ctx, kept, m, nil, recordIDs(rows))
	if err != nil && !errors.Is(err, ErrPruned) {
		return err
	}
	thinned := err != nil
	for _, r := range rows {
		p, err := t.conclude(ctx, r.id, r.h, r.present, r.w, thinned)
		if err := f(r, p, err); err != nil {
			return err
		}
	}
	return nil
}

// arrivalsOf finds out which keys were given to rows after m, once for all, if a row's
// own records do not tell whether it was there.
func (t *rowTable) arrivalsOf(ctx context.Context, rows []*replayed, m Moment) error {
	if t.arrived != nil {
		return nil
	}
	for _, r := range rows {
		last, first := r.h.last, r.h.first
		certain := last != nil && t.stays(r.id, last) || first != nil && first.Action == audit.Create || first == nil && r.present == nil
		if !certain {
			return t.arrivals(ctx, m)
		}
	}
	return nil
}

func recordIDs(rows []*replayed) []string {
	ids := make([]string, len(rows))
	for i, r := range rows {
		ids[i] = r.id.recordID
	}
	return ids
}

// lastRecords reads each row's last record up to the moment.
func (t *rowTable) lastRecords(ctx context.Context, rows []*replayed, m Moment) error {
	byID := make(map[string]*replayed, len(rows))
	for _, r := range rows {
		r.h = head{m: m, cut: m.seq}
		if !m.bySeq {
			r.h.cut = math.MinInt64
		}
		r.w = t.newWalker(make(image, len(t.columns)), r.id, r.present)
		byID[r.id.recordID] = r
	}
	q := t.q.ofTable(t.name).rows()
	tx, _, err := q.anyOf("record", "record_id", recordIDs(rows)).upTo(m).conditioned(ctx)
	if err != nil {
		return err
	}
	var seqs []int64
	if err := tx.Group("record_id").Pluck("MAX(seq)", &seqs).Error; err != nil {
		return fmt.Errorf("auditplugin: reading records: %w", err)
	}
	if len(seqs) == 0 {
		return nil
	}
	found, err := t.q.seqs(seqs).Find(ctx)
	if err != nil {
		return err
	}
	for i := range found {
		last := &found[i]
		r := byID[last.RecordID]
		if r == nil {
			continue
		}
		if r.h.last = last; !m.bySeq {
			r.h.cut = last.Seq
		}
		r.w.trust(last, r.present)
	}
	return nil
}

// goThrough walks all rows through their records behind the moment.
func (t *rowTable) goThrough(ctx context.Context, rows []*replayed, m Moment) error {
	open := slices.Clone(rows)
	from := m
	for page := 0; len(open) > 0; page++ {
		if page > 0 && len(open) <= fewLeft || page == mostPages {
			return t.oneByOne(ctx, open)
		}
		byID := make(map[string]*replayed, len(open))
		for _, r := range open {
			byID[r.id.recordID] = r
		}
		q := t.q.ofTable(t.name).rows().anyOf("record", "record_id", recordIDs(open)).from(m).behindOf(from)
		records, more, err := q.page(ctx, streamPage)
		if err != nil {
			return err
		}
		for i := range records {
			from = AtSeq(records[i].Seq)
			if r := byID[records[i].RecordID]; r != nil {
				r.take(t, &records[i])
			}
		}
		if !more {
			return nil
		}
		open = slices.DeleteFunc(open, func(r *replayed) bool { return r.done })
	}
	return nil
}

// behindOf narrows q to records behind a seq; another moment narrows nothing.
func (q Query) behindOf(m Moment) Query {
	if m.bySeq {
		return q.behind(m.seq)
	}
	return q
}

// take goes one record further.
func (r *replayed) take(t *rowTable, record *audit.Record) {
	switch {
	case r.done || record.Seq <= r.h.cut:
		return // an earlier one, written by a clock that was ahead
	case r.h.counts(t, record):
		r.h.upTo(record)
		return
	case r.h.first == nil:
		r.h.first = record
	}
	r.seen = record.Seq
	r.done = !r.w.step(record)
}

// oneByOne goes on with the rows whose trails are long.
func (t *rowTable) oneByOne(ctx context.Context, rows []*replayed) error {
	for _, r := range rows {
		if r.h.first == nil {
			h, err := t.head(ctx, r.id, r.h.m)
			if err != nil {
				return err
			}
			r.h = h
		}
		if err := r.w.along(ctx, max(r.seen, r.h.cut)); err != nil {
			return err
		}
	}
	return nil
}
