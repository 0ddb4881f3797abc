package history

import (
	"context"
	"fmt"
	"reflect"

	"gorm.io/gorm"
	"gorm.io/gorm/callbacks"

	"github.com/gorm-audit/auditplugin/internal/replay"
)

// give sets dest to the row as GORM would from a query's result, if its gaps are
// accepted. A value that the model's field does not take, since it had another type
// then, is a gap.
func (t *rowTable) give(ctx context.Context, db *gorm.DB, img image, recordID string, dest reflect.Value) error {
	if err := t.settings.accept(t.bare, recordID, t.gaps(img)); err != nil {
		return err
	}
	fresh, strange, err := t.taken(ctx, img, dest.Type())
	if err != nil {
		return err
	}
	if strange {
		if err := t.settings.accept(t.bare, recordID, t.gaps(img)); err != nil {
			return err
		}
	}
	if err := t.found(ctx, db, fresh); err != nil {
		return err
	}
	dest.Set(fresh.Elem())
	return nil
}

// taken makes a struct of what the model takes. What it does not take is lost to the
// image, which is then strange.
func (t *rowTable) taken(ctx context.Context, img image, typ reflect.Type) (fresh reflect.Value, strange bool, err error) {
	if fresh, err = t.scan(ctx, img, typ); err == nil {
		return fresh, false, nil
	}
	for i := range img {
		if img[i].state == known && !img[i].present && t.columns[i].field != nil && !t.scans(ctx, img, i, typ) {
			img[i], strange = cell{state: lost}, true
		}
	}
	if strange {
		fresh, err = t.scan(ctx, img, typ)
	}
	return fresh, strange, err
}

// found runs the hook of a row that was found.
func (t *rowTable) found(ctx context.Context, db *gorm.DB, fresh reflect.Value) error {
	if hook, ok := fresh.Interface().(callbacks.AfterFindInterface); ok && !db.Statement.SkipHooks {
		return hook.AfterFind(t.db.WithContext(ctx))
	}
	return nil
}

// close lets go of what giving rows back took.
func (t *rowTable) close() {
	if t.player != nil {
		_ = t.player.Close() // it holds nothing
		t.player = nil
	}
}

// scans reports whether the model takes the value of one column.
func (t *rowTable) scans(ctx context.Context, img image, i int, typ reflect.Type) bool {
	alone := make(image, len(img))
	alone[i] = img[i]
	_, err := t.scan(ctx, alone, typ)
	return err == nil
}

// scan makes a struct of the columns that are known.
func (t *rowTable) scan(ctx context.Context, img image, typ reflect.Type) (reflect.Value, error) {
	fresh := reflect.New(typ)
	set := &replay.Set{Rows: [][]any{nil}}
	for i, c := range img {
		if c.state != known || t.columns[i].field == nil {
			continue
		}
		raw := c.raw
		if !c.present {
			var err error
			if raw, err = t.driverValue(ctx, i, c.value); err != nil {
				return fresh, err
			}
		}
		set.Columns = append(set.Columns, replay.Column{Name: t.columns[i].name})
		set.Rows[0] = append(set.Rows[0], raw)
	}
	if t.player == nil {
		t.player = replay.NewPlayer()
	}
	rows, err := t.player.Rows(ctx, set)
	if err != nil {
		return fresh, fmt.Errorf("auditplugin: giving back a row of table %q: %w", t.bare, err)
	}
	defer func() { _ = rows.Close() }() // read to the end
	if rows.Next() {
		err = t.db.WithContext(ctx).ScanRows(rows, fresh.Interface())
	}
	if err == nil {
		err = rows.Err()
	}
	if err != nil {
		return fresh, fmt.Errorf("auditplugin: giving back a row of table %q: %w", t.bare, err)
	}
	return fresh, nil
}
