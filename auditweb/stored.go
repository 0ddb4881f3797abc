package auditweb

import (
	"context"
	"reflect"

	"gorm.io/gorm/schema"

	"github.com/gorm-audit/auditplugin/internal/values"
)

// cloned is a new struct with the same fields.
func cloned(model any) any {
	row := reflect.New(reflect.TypeOf(model).Elem())
	row.Elem().Set(reflect.ValueOf(model).Elem())
	return row.Interface()
}

// stored is a row as the database stores it, in the order of the model's columns.
func stored(ctx context.Context, dialect string, s *schema.Schema, row any) (columns []string, raw []any) {
	v := reflect.ValueOf(row).Elem()
	for _, name := range s.DBNames {
		f := s.FieldsByDBName[name]
		if !f.Readable {
			continue // was not read
		}
		value, _ := f.ValueOf(ctx, v)
		columns = append(columns, name)
		raw = append(raw, values.Normalise(dialect, values.Column{Name: name, Field: f}, value))
	}
	return columns, raw
}
