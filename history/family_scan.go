package history

import (
	"context"
	"fmt"
	"reflect"

	"gorm.io/gorm"
)

// giveFamily sets dest to the row with its associations, as GORM's Preload would have.
func (t *rowTable) giveFamily(ctx context.Context, db *gorm.DB, id rowID, p past, m Moment, dest reflect.Value) error {
	tree, err := branches(t.schema, t.settings.with)
	if err != nil {
		return err
	}
	root := &rowThen{id: id, past: p}
	top := &layer{table: t, rows: []*rowThen{root}}
	f := &then{open: newTables(db, t.settings, t), m: m, unscoped: db.Statement.Unscoped}
	if err := f.grow(ctx, top, tree); err != nil {
		return err
	}
	defer f.open.close()
	if err := top.take(ctx); err != nil {
		return err
	}
	if err := top.accept(); err != nil {
		return err
	}
	s := &familyScanner{ctx: ctx, db: db}
	fresh, err := s.row(top, root)
	if err != nil {
		return err
	}
	dest.Set(fresh.Elem())
	return nil
}

// take makes a struct of each row. What a model does not take is a gap.
func (at *layer) take(ctx context.Context) error {
	for _, l := range at.all() {
		if l.joining {
			continue
		}
		for _, row := range l.rows {
			var err error
			if row.fresh, _, err = l.table.taken(ctx, row.past.img, l.table.schema.ModelType); err != nil {
				return err
			}
		}
	}
	return nil
}

// accept hands out the gaps of all rows, or makes an error of the first. Columns of
// the row itself are named as always, others as "Lines[12].note".
func (at *layer) accept() error {
	set := at.table.settings
	var all Gaps
	for _, l := range at.all() {
		for _, row := range l.rows {
			g := l.table.gaps(row.past.img)
			if set.gaps == nil && !g.empty() {
				return set.accept(l.table.bare, row.id.recordID, g)
			}
			named := func(names []string) []string {
				if l.path == "" {
					return names
				}
				out := make([]string, len(names))
				for i, name := range names {
					out[i] = fmt.Sprintf("%s[%s].%s", l.path, row.id.recordID, name)
				}
				return out
			}
			all.Redacted = append(all.Redacted, named(g.Redacted)...)
			all.Lost = append(all.Lost, named(g.Lost)...)
			all.Erased = append(all.Erased, named(g.Erased)...)
			all.Unrecorded = append(all.Unrecorded, named(g.Unrecorded)...)
		}
	}
	return set.accept(at.table.bare, at.rows[0].id.recordID, all)
}

// familyScanner makes structs of rows.
type familyScanner struct {
	ctx context.Context // of one call
	db  *gorm.DB
}

// row returns a pointer to a struct. Associations are there when AfterFind runs.
func (s *familyScanner) row(at *layer, row *rowThen) (reflect.Value, error) {
	fresh := reflect.New(at.table.schema.ModelType)
	fresh.Elem().Set(row.fresh.Elem()) // of its own for each row above
	for _, sub := range at.subs {
		if err := s.fill(sub, fresh.Elem(), row.subs[sub.branch]); err != nil {
			return fresh, err
		}
	}
	return fresh, at.table.found(s.ctx, s.db, fresh)
}

// fill sets an association's field. It is never nil where it is a slice, as Preload
// leaves it.
func (s *familyScanner) fill(at *layer, owner reflect.Value, rows []*rowThen) error {
	rel := at.branch.rel
	field := reflect.Indirect(rel.Field.ReflectValueOf(s.ctx, owner))
	if rel.Field.FieldType.Kind() == reflect.Pointer && rel.Field.IndirectFieldType.Kind() == reflect.Slice {
		field = rel.Field.ReflectValueOf(s.ctx, owner)
		field.Set(reflect.New(rel.Field.IndirectFieldType))
		field = field.Elem()
	}
	if rel.Field.IndirectFieldType.Kind() == reflect.Slice {
		list := reflect.MakeSlice(rel.Field.IndirectFieldType, 0, len(rows))
		for _, row := range rows {
			v, err := s.row(at, row)
			if err != nil {
				return err
			}
			if list.Type().Elem().Kind() != reflect.Pointer {
				v = v.Elem()
			}
			list = reflect.Append(list, v)
		}
		field.Set(list)
		return nil
	}
	if len(rows) == 0 {
		return nil
	}
	// Of several rows of a has one, Preload leaves the last.
	v, err := s.row(at, rows[len(rows)-1])
	if err != nil {
		return err
	}
	if rel.Field.FieldType.Kind() != reflect.Pointer {
		v = v.Elem()
	}
	rel.Field.ReflectValueOf(s.ctx, owner).Set(v)
	return nil
}
