package history

import (
	"context"
	"fmt"
	"reflect"

	"gorm.io/gorm"
	"gorm.io/gorm/callbacks"
	"gorm.io/gorm/schema"

	"github.com/gorm-audit/auditplugin/internal/replay"
)

// AsOf sets model, a pointer to a struct whose key fields are set, to its row as it
// was at a moment: a time.Time, see [At], or a [Moment].
//
//	err := history.AsOf(ctx, db, &user, time.Now().AddDate(0, -1, 0))
//
// The row is put together from the present one by undoing the records after the
// moment, so that rows that are older than their records can be asked for, too; a
// row that is gone is taken from the record of its deletion. A row is its key: where
// the key was changed, the row is found under its old key before that. Soft-deleted
// rows are rows.
//
// The struct holds what GORM would have loaded then, AfterFind included: every
// column that the table and the model have now, and zero in all other fields.
// Columns that did not exist then, and ones that are never recorded, hold what they
// hold now; see [Gaps]. [With] fills in associations. Values mean the same as then,
// but may be spelt otherwise: JSON documents are compact and sorted by key, decimal numbers without trailing
// zeros.
//
// It fails with [ErrNotFound] if there was no such row then, with an [UnknownError]
// if the records do not tell some columns (see [Partial]), with [ErrPruned] if
// records of that time were pruned, and with [ErrNoKey]. model is then left as it
// is. Nothing is locked; needed are SELECT on the table and on the audit table.
func AsOf[M When](ctx context.Context, db *gorm.DB, model any, when M, opts ...Option) error {
	set := settingsOf(opts)
	dest, s, err := destination(db, model)
	if err != nil {
		return err
	}
	t, err := openTable(ctx, db, set, s, s.Table)
	if err != nil {
		return err
	}
	id, err := t.idOf(ctx, model)
	if err != nil {
		return err
	}
	m, err := momentOf(ctx, t.q, when)
	if err != nil {
		return err
	}
	p, err := t.at(ctx, id, m)
	if err != nil {
		return err
	}
	if len(set.with) > 0 {
		return t.scanFamily(ctx, db, id, p, m, dest)
	}
	if err := set.accept(t.bare, id.recordID, t.gaps(p.img)); err != nil {
		return err
	}
	return t.scan(ctx, db, p.img, dest)
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

// scan sets dest to the row as GORM would from a query's result.
func (t *rowTable) scan(ctx context.Context, db *gorm.DB, img image, dest reflect.Value) error {
	fresh := reflect.New(dest.Type())
	if err := t.scanColumns(ctx, img, fresh); err != nil {
		return err
	}
	if err := t.found(ctx, db, fresh); err != nil {
		return err
	}
	dest.Set(fresh.Elem())
	return nil
}

// scanColumns sets the fields of a new row, found runs its hook.
func (t *rowTable) scanColumns(ctx context.Context, img image, fresh reflect.Value) error {
	set := &replay.Set{Rows: [][]any{nil}}
	for i, c := range img {
		if c.state != known || t.columns[i].field == nil {
			continue
		}
		raw := c.raw
		if !c.present {
			zone, err := t.driverZone(ctx, i, img)
			if err != nil {
				return err
			}
			raw = t.columns[i].rule.Driver(c.value, zone)
		}
		set.Columns = append(set.Columns, replay.Column{Name: t.columns[i].name})
		set.Rows[0] = append(set.Rows[0], raw)
	}
	player := replay.NewPlayer()
	defer func() { _ = player.Close() }() // it holds nothing
	rows, err := player.Rows(ctx, set)
	if err != nil {
		return fmt.Errorf("auditplugin: giving back a row of table %q: %w", t.bare, err)
	}
	defer func() { _ = rows.Close() }() // read to the end
	if rows.Next() {
		err = t.db.WithContext(ctx).ScanRows(rows, fresh.Interface())
	}
	if err == nil {
		err = rows.Err()
	}
	if err != nil {
		return fmt.Errorf("auditplugin: giving back a row of table %q: %w", t.bare, err)
	}
	return nil
}

func (t *rowTable) found(ctx context.Context, db *gorm.DB, fresh reflect.Value) error {
	if hook, ok := fresh.Interface().(callbacks.AfterFindInterface); ok && !db.Statement.SkipHooks {
		return hook.AfterFind(t.db.WithContext(ctx))
	}
	return nil
}
