package history

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/gorm-audit/auditplugin/audit"
)

// manyAt puts several rows together as they were at m, by a number of queries that
// does not depend on how many they are. Rows that did not exist are not in the first
// result; the second has each row's first record behind the moment. present holds the
// rows that exist, by record id.
func (t *rowTable) manyAt(ctx context.Context, ids map[string]rowID, present map[string][]any, m Moment) (map[string]past, map[string]*audit.Record, error) {
	found := map[string]past{}
	firsts := map[string]*audit.Record{}
	for some := range slices.Chunk(slices.Sorted(maps.Keys(ids)), asOfPage) {
		rows := make([]*replayed, len(some))
		for n, recordID := range some {
			rows[n] = &replayed{id: ids[recordID], present: present[recordID]}
		}
		if err := t.pasts(ctx, rows, m, func(r *replayed, p past, err error) error {
			firsts[r.id.recordID] = r.h.first
			if errors.Is(err, ErrNotFound) {
				return nil
			}
			found[r.id.recordID] = p
			return err
		}); err != nil {
			return nil, nil, err
		}
	}
	return found, firsts, nil
}
