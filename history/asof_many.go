package history

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/gorm-audit/auditplugin/audit"
)

// manyAt puts several rows together as they were at m, by a number of queries that
// does not depend on how many they are. Rows that did not exist are not in the
// result. present holds the rows that exist, by record id. It is what [rowTable.at]
// says of each; the few whose records lead elsewhere, to another key or nowhere, are
// left to that.
func (t *rowTable) manyAt(ctx context.Context, ids map[string]rowID, present map[string][]any, m Moment) (map[string]past, map[string]*audit.Record, error) {
	found := map[string]past{}
	firsts := map[string]*audit.Record{}
	for some := range slices.Chunk(slices.Sorted(maps.Keys(ids)), keysAtOnce) {
		b := batch{t: t, m: m, ids: ids, present: present, rows: map[string]*batchRow{}}
		if err := b.read(ctx, some); err != nil {
			return nil, nil, err
		}
		for _, recordID := range some {
			p, ok, err := b.row(ctx, recordID)
			if err != nil {
				return nil, nil, err
			}
			if ok {
				found[recordID] = p
			}
			firsts[recordID] = b.rows[recordID].first
		}
	}
	return found, firsts, nil
}

// batch is some rows of a table that are put together at once.
type batch struct {
	t       *rowTable
	m       Moment
	ids     map[string]rowID
	present map[string][]any
	rows    map[string]*batchRow
	kinds   map[string]bool // record types that were checked for prunings
}

type batchRow struct {
	img         image
	cut         int64
	last, first *audit.Record // around the moment
	ended       bool          // a later record says that the row was deleted
	astray      bool          // its records lead to another key, or to another row
}

// read reads the last records before the moment, and all behind it.
func (b *batch) read(ctx context.Context, some []string) error {
	t := b.t
	q := t.q.ofTable(t.bare).rows().anyOf("record", "record_id", some)
	for _, recordID := range some {
		b.rows[recordID] = &batchRow{img: make(image, len(t.columns)), cut: math.MinInt64}
	}
	tx, _, err := q.upTo(b.m).conditioned(ctx)
	if err != nil {
		return err
	}
	var seqs []int64
	if err := each(tx.Select("MAX(seq)").Group("record_id"), func(scan func(...any) error) error {
		var seq int64
		err := scan(&seq)
		seqs = append(seqs, seq)
		return err
	}); err != nil {
		return fmt.Errorf("auditplugin: reading records: %w", err)
	}
	for r, err := range t.q.seqs(seqs).All(ctx) {
		if err != nil {
			return err
		}
		if row := b.rows[r.RecordID]; row != nil {
			row.last, row.cut = &r, r.Seq
		}
	}
	for r, err := range q.from(b.m).All(ctx) {
		if err != nil {
			return err
		}
		if row := b.rows[r.RecordID]; row != nil && r.Seq > row.cut {
			b.undo(row, &r)
		}
	}
	return nil
}

// undo takes back what a record behind the moment did.
func (b *batch) undo(row *batchRow, r *audit.Record) {
	if row.first == nil {
		row.first = r
	}
	switch {
	case row.ended || row.astray:
	case r.Action == audit.Create:
		row.astray = true
	case r.Action == audit.Delete:
		b.t.fill(row.img, r.Before, true)
		row.ended = true
	default:
		b.t.fillUpdate(row.img, r, r.Before)
		row.astray = !b.t.stays(rowID{recordID: r.RecordID}, r)
	}
}

// row returns one row, and false if it did not exist.
func (b *batch) row(ctx context.Context, recordID string) (past, bool, error) {
	t, row, id := b.t, b.rows[recordID], b.ids[recordID]
	p := past{img: row.img, first: row.first}
	for _, r := range []*audit.Record{row.first, row.last} {
		if r != nil {
			p.kind = r.RecordType
		}
	}
	if err := b.checkPruned(ctx, p.kind); err != nil {
		return p, false, err
	}
	present := b.present[recordID]
	certain := row.last != nil && t.stays(id, row.last) || row.first != nil && row.first.Action == audit.Create || row.first == nil && present == nil
	if !certain && t.arrived == nil {
		if err := t.arrivals(ctx, b.m); err != nil {
			return p, false, err
		}
	}
	existed, err := t.existedAt(ctx, id, b.m, row.last, row.first, present != nil)
	if err != nil || !existed {
		return p, false, err
	}
	if row.astray || !row.ended && present == nil {
		p, err := t.atFrom(ctx, id, b.m, present)
		if errors.Is(err, ErrNotFound) {
			return p, false, nil
		}
		return p, err == nil, err
	}
	if !row.ended {
		t.fillPresent(p.img, present)
	}
	return p, true, nil
}

func sortedIDs(rows map[string]*batchRow) []string { return slices.Sorted(maps.Keys(rows)) }

func (b *batch) checkPruned(ctx context.Context, kind string) error {
	if b.kinds[kind] {
		return nil
	}
	if b.kinds == nil {
		b.kinds = map[string]bool{}
	}
	b.kinds[kind] = true
	return b.t.checkPruned(ctx, b.m, kind, sortedIDs(b.rows)...)
}
