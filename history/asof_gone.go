package history

import (
	"context"
	"errors"

	"gorm.io/gorm/clause"

	"github.com/gorm-audit/auditplugin/history/internal/condition"
	"github.com/gorm-audit/auditplugin/internal/values"
)

// gone goes through the rows that have records after the moment and do not exist.
func (a *asOfRows) gone(ctx context.Context) error {
	last := ""
	// What raw SQL has deleted has no record after the moment.
	every, err := a.t.removedAfter(ctx, a.m)
	if err != nil {
		return err
	}
	for {
		q := a.t.q.ofTable(a.t.name).rows()
		if !every {
			q = q.from(a.m)
		}
		if last != "" {
			q = q.where(func(*builder) (clause.Expression, error) {
				return clause.Gt{Column: condition.Column("record_id"), Value: last}, nil
			})
		}
		ids, err := a.t.recordIDs(ctx, q, asOfPage)
		if err != nil || len(ids) == 0 {
			return err
		}
		if err := a.gonePage(ctx, ids); err != nil || len(ids) < asOfPage {
			return err
		}
		last = ids[len(ids)-1]
	}
}

func (a *asOfRows) gonePage(ctx context.Context, recordIDs []string) error {
	t := a.t
	var keys [][]any
	for _, id := range recordIDs {
		if key := t.keyOfID(id); key != nil && !a.seen[id] {
			keys = append(keys, key)
		}
	}
	rows, err := t.read(ctx, keys, false)
	if err != nil {
		return err
	}
	exists := make(map[string]bool, len(rows))
	for _, raw := range rows {
		exists[values.RecordID(t.keyOf(raw))] = true
	}
	var missing []*replayed
	for _, id := range recordIDs {
		key := t.keyOfID(id)
		if a.seen[id] || exists[id] {
			continue
		}
		row := rowID{recordID: id, key: key}
		if key == nil { // only the records tell whether it exists
			last, err := t.q.ofRow(t.name, id).rows().Newest().First(ctx)
			if err != nil {
				return err
			}
			if t.stays(row, &last) {
				continue
			}
		}
		missing = append(missing, &replayed{id: row})
	}
	return t.pasts(ctx, missing, a.m, func(r *replayed, p past, err error) error {
		if errors.Is(err, ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		return a.emit(p, r.id)
	})
}

// softDeleted reports whether GORM would take the row for deleted.
func (a *asOfRows) softDeleted(img image) bool {
	for i, c := range img {
		if soft := a.t.columns[i].soft; soft != nil && c.state == known && soft.Deleted(c.value) {
			return true
		}
	}
	return false
}
