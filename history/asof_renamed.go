package history

import (
	"context"
	"errors"
	"slices"

	"gorm.io/gorm/clause"

	"github.com/gorm-audit/auditplugin/audit"
)

// Dropped says that columns which records speak of were dropped from the table, not
// renamed. Without that, or [Query.Alias], nobody can tell whether another column goes
// on with their values, and [AsOf] names the ones that may as unknown. Calls add up.
func (q Query) Dropped(columns ...string) Query {
	if len(columns) == 0 || slices.Contains(columns, "") {
		return q.failed("Dropped: nothing given")
	}
	q.dropped = append(slices.Clip(q.dropped), columns...)
	return q
}

func (q Query) isDropped(column string) bool { return slices.Contains(q.dropped, column) }

// maybeRenamed takes back what the present row, or a later record, told of columns that
// may have had another name when the records spoke of ones that the table does not have now. Those
// that other rows' records knew by then had theirs.
func (t *rowTable) maybeRenamed(ctx context.Context, w *walker) error {
	if len(w.strange) == 0 {
		return nil
	}
	var suspects []int
	for i, c := range w.img {
		if (c.present || c.state == absent || w.setBy[i] > w.strangeSeq) && !t.columns[i].ignored && !slices.Contains(t.key, i) {
			suspects = append(suspects, i)
		}
	}
	if len(suspects) == 0 {
		return nil
	}
	renamed, err := t.renamedSince(ctx, w.strangeSeq)
	if err != nil {
		return err
	}
	for _, i := range suspects {
		if renamed(i) {
			w.img[i] = cell{state: lost}
		}
	}
	return nil
}

// renamedSince tells which columns may have had another name at seq: those that the
// records of whole rows did not name by then.
func (t *rowTable) renamedSince(ctx context.Context, seq int64) (func(i int) bool, error) {
	then, err := t.namesIn(ctx, t.q.upTo(AtSeq(seq)))
	if err != nil {
		return nil, err
	}
	now, err := t.namesIn(ctx, t.q.behind(seq))
	if err != nil {
		return nil, err
	}
	return func(i int) bool {
		name := t.columns[i].name
		// What no record names is never recorded.
		return !then[name] && (now == nil || now[name]) && !t.columns[i].ignored && !slices.Contains(t.key, i)
	}, nil
}

// namesIn are the columns of the table that the newest record of a whole row names; nil
// where there is no such record.
func (t *rowTable) namesIn(ctx context.Context, q Query) (map[string]bool, error) {
	r, err := q.ofTable(t.name).Action(audit.Create, audit.Delete).Newest().First(ctx)
	if errors.Is(err, ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	columns := r.After
	if r.Action == audit.Delete {
		columns = r.Before
	}
	if allTruncated(columns) {
		return nil, nil
	}
	names := make(map[string]bool, len(columns))
	for name := range columns {
		names[name] = true
	}
	return names, nil
}

// keptNames reports whether the row's first record is of the whole row and names no
// column that the table does not have, so that no later one can.
func (t *rowTable) keptNames(ctx context.Context, id rowID) (bool, error) {
	r, err := t.q.ofRow(t.name, id.recordID).rows().First(ctx)
	if errors.Is(err, ErrNotFound) {
		return true, nil
	}
	if err != nil || r.Action != audit.Create || allTruncated(r.After) {
		return false, err
	}
	for name := range r.After {
		if _, ok := t.index[name]; !ok && !t.q.isDropped(name) {
			return false, nil
		}
	}
	return true, nil
}

// saysOther is the condition that a record changed columns that the table does not have.
func (b *builder) saysOther(t *rowTable) clause.Expression {
	var names []string
	for _, c := range t.columns {
		names = append(names, b.names(c.name)...)
	}
	return b.sql.ChangedOther(append(names, b.q.dropped...))
}
