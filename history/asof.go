package history

import (
	"context"
	"fmt"
	"reflect"

	"gorm.io/gorm"
	"gorm.io/gorm/schema"
)

// AsOf sets model, a pointer to a struct whose key fields are set, to its row as it
// was at a moment: a time.Time, see [At], or a [Moment].
//
//	err := history.AsOf(ctx, db, &user, time.Now().AddDate(0, -1, 0))
//
// The table is the one that db names with Table, itself or in a scope, or else the
// model's. The row is put together from the present one by undoing the records after
// the moment, so that rows that are older than their records can be asked for, too; a
// row that is gone is taken from the record of its deletion. A row is its key, spelt
// as the database takes it: where the key was changed, the row is found under its old
// key before that. Soft-deleted rows are rows. A moment that the row's own times name
// (row.UpdatedAt, row.CreatedAt, as they are stored) is that of the change that set
// them, although its record's time is a little later; see [At].
//
// The struct holds what GORM would have loaded then, AfterFind included: every
// column that the table and the model have now, and zero in all other fields, with
// times in the driver's zone. Columns that did not exist then, and ones that are never
// recorded, hold what they hold now; see [Gaps]. [With] fills in associations. Values mean the same as then, but may
// be spelt otherwise: JSON documents are compact and sorted by key, decimals without a
// fixed scale have no trailing zeros. Columns that may have had another name then, because records
// speak of one that is gone, are not known; see [Query.Alias] and [Query.Dropped].
//
// It fails with [ErrNotFound] if there was no such row then, with an [UnknownError]
// if the records do not tell some columns (see [Partial]), with [ErrUnknown] if they do
// not tell whether the row was there, with [ErrBeforeTrail] if nobody recorded
// changes yet, so that the row can only be guessed, with [ErrPruned] if
// records of that time were pruned, and with [ErrNoKey]. model is then left as it
// is. Nothing is locked; needed are SELECT on the table and on the audit table.
func AsOf[M When](ctx context.Context, db *gorm.DB, model any, when M, opts ...Option) error {
	set := settingsOf(opts)
	if row, ok := tableRow(model); ok {
		return row.asOf(ctx, db, set, func(q Query) (Moment, error) { return momentOf(ctx, q, when) })
	}
	dest, s, err := destination(db, model)
	if err != nil {
		return err
	}
	t, err := openModel(ctx, db, set, s)
	if err != nil {
		return err
	}
	defer t.close()
	// The present row is read before its records, so that a change made meanwhile is
	// found in them.
	id, present, err := t.find(ctx, model, false)
	if err != nil {
		return err
	}
	m, err := momentOf(ctx, t.q, when)
	if err != nil {
		return err
	}
	p, err := t.atFrom(ctx, id, m, present)
	if err != nil {
		return err
	}
	if len(set.with) > 0 {
		return t.giveFamily(ctx, db, id, p, m, dest)
	}
	return t.give(ctx, db, p.img, id.recordID, dest)
}

// destination checks that model is a pointer to a struct.
func destination(db *gorm.DB, model any) (reflect.Value, *schema.Schema, error) {
	if q := Search(db); q.err != nil {
		return reflect.Value{}, nil, q.err
	}
	v := reflect.ValueOf(model)
	if v.Kind() != reflect.Pointer || v.IsNil() || v.Elem().Kind() != reflect.Struct {
		return v, nil, fmt.Errorf("%w: %T is not a pointer to a struct", ErrInvalidQuery, model)
	}
	s, err := schemaOf(db, model)
	return v.Elem(), s, err
}
