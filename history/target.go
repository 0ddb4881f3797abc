package history

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/schema"

	"github.com/gorm-audit/auditplugin/emitter"
	"github.com/gorm-audit/auditplugin/internal/redact"
	"github.com/gorm-audit/auditplugin/internal/values"
)

// recordTarget is a row, as its records name it.
type recordTarget struct {
	// table is the row's, with a schema if one was named; recordID is as the column
	// record_id holds it.
	table, recordID string
	// key holds the key columns, in the order of record_id, and keyValues their
	// values in canonical form, not redacted.
	key       []string
	keyValues []any
	// schema is the row's model, nil for rows given by table name.
	schema *schema.Schema
	// blurred tells that a part of the key is NULL, which the record id does not tell.
	blurred bool
}

// installed is what this package asks of the plugin.
type installed interface {
	KeyColumns(ctx context.Context, db *gorm.DB, s *schema.Schema, table string) (names, types []string, err error)
	Shown(s *schema.Schema, table, column string, value any) (any, error)
}

// pluginOf returns the plugin installed on db, or nil.
func pluginOf(db *gorm.DB) installed {
	if db == nil || db.Config == nil {
		return nil
	}
	if p, ok := db.Plugins["auditplugin"].(installed); ok {
		return p
	}
	return nil
}

// target finds out how records name the row that model holds: a struct, or a
// pointer to one, whose key fields are set.
func target(ctx context.Context, db *gorm.DB, model any) (recordTarget, error) {
	s, err := schemaOf(db, model)
	if err != nil {
		return recordTarget{}, err
	}
	row, err := structOf(model)
	if err != nil {
		return recordTarget{}, err
	}
	table, err := tableOf(db, s)
	if err != nil {
		return recordTarget{}, err
	}
	return targetIn(ctx, db, s, table, row)
}

// structOf is the struct that model is, or points to.
func structOf(model any) (reflect.Value, error) {
	row := reflect.ValueOf(model)
	for row.Kind() == reflect.Pointer || row.Kind() == reflect.Interface {
		if row.IsNil() {
			return row, fmt.Errorf("%w: %T is nil", ErrInvalidQuery, model)
		}
		row = row.Elem()
	}
	if row.Kind() != reflect.Struct {
		return row, fmt.Errorf("%w: %T is not one row", ErrInvalidQuery, model)
	}
	return row, nil
}

// targetIn does so for the row that a struct of the model holds, in the given table.
func targetIn(ctx context.Context, db *gorm.DB, s *schema.Schema, table string, row reflect.Value) (recordTarget, error) {
	names, types, err := keyColumns(ctx, db, s, table)
	if err != nil {
		return recordTarget{}, err
	}
	raw := make([]any, len(names))
	set := false
	for i, name := range names {
		f := s.FieldsByDBName[name]
		if f == nil {
			return recordTarget{}, fmt.Errorf("%w: model %s has no field for key column %q", ErrNoKey, s.Name, name)
		}
		value, zero := f.ValueOf(ctx, row)
		raw[i] = value
		set = set || !zero
	}
	if !set {
		return recordTarget{}, fmt.Errorf("%w: the key of model %s is not set", ErrNoKey, s.Name)
	}
	return certain(identify(db, s, table, names, types, raw))
}

// certain refuses a row whose records may be another's.
func certain(t recordTarget, err error) (recordTarget, error) {
	if err == nil && t.blurred {
		err = fmt.Errorf("%w: a part of the key is NULL or empty, and records of table %q do not tell which", ErrNoKey, bareTable(t.table))
	}
	return t, err
}

// targetOfTable does so for the row of a table with the given key values, in the
// order of the table's key.
func targetOfTable(ctx context.Context, db *gorm.DB, table string, key []any) (recordTarget, error) {
	if table == "" {
		return recordTarget{}, fmt.Errorf("%w: no table", ErrInvalidQuery)
	}
	if len(key) == 0 {
		return recordTarget{}, fmt.Errorf("%w: no key values for table %q", ErrNoKey, table)
	}
	names, types, err := keyColumns(ctx, db, nil, table)
	if err != nil {
		return recordTarget{}, err
	}
	if len(names) == 0 { // a table that is gone, or a database without the plugin
		names, types = make([]string, len(key)), make([]string, len(key))
	}
	if len(names) != len(key) {
		return recordTarget{}, fmt.Errorf("%w: table %q has the key (%s), not one of %d values", ErrInvalidQuery, table, strings.Join(names, ", "), len(key))
	}
	return certain(identify(db, nil, table, names, types, key))
}

// keyColumns asks the plugin, which knows the table's own key, or else the model.
func keyColumns(ctx context.Context, db *gorm.DB, s *schema.Schema, table string) (names, types []string, err error) {
	if p := pluginOf(db); p != nil {
		names, types, err = p.KeyColumns(ctx, db, s, table)
		if err != nil {
			return nil, nil, err
		}
	}
	if len(names) == 0 && s != nil {
		names = s.PrimaryFieldDBNames
		types = make([]string, len(names))
	}
	if len(names) == 0 && s != nil {
		return nil, nil, fmt.Errorf("%w: table %q has none", ErrNoKey, table)
	}
	return names, types, nil
}

func identify(db *gorm.DB, s *schema.Schema, table string, names, types []string, raw []any) (recordTarget, error) {
	t := recordTarget{table: table, key: slices.Clone(names), schema: s}
	bare := bareTable(table)
	shown := make([]any, len(names))
	for i, name := range names {
		c := values.Column{Name: name, DBType: types[i]}
		if s != nil {
			c.Field = s.FieldsByDBName[name]
		}
		rule := values.For(db.Name(), c)
		v := rule.Normalise(raw[i])
		t.blurred = t.blurred || v == nil && (len(names) == 1 || rule.IsText() || rule.IsBinary())
		var err error
		if shown[i], err = shownKey(db, s, bare, name, v); err != nil {
			return recordTarget{}, fmt.Errorf("key of table %q: %w", bare, err)
		}
		t.keyValues = append(t.keyValues, v)
	}
	t.recordID = emitter.StoredText("record_id", values.RecordID(shown))
	return t, nil
}

// keyShown asks the plugin how records name a row by a column of its key.
func keyShown(p installed, s *schema.Schema, table, column string, v any) (any, error) {
	if k, ok := p.(interface {
		KeyShown(s *schema.Schema, table, column string, value any) (any, error)
	}); ok {
		return k.KeyShown(s, table, column, v)
	}
	return p.Shown(s, table, column, v)
}

// shownKey is how records name a row by a canonical value of its key: itself or, where the
// column may not be seen and the plugin has the hash key, its hash. A masked one is
// ErrRedacted.
func shownKey(db *gorm.DB, s *schema.Schema, table, column string, v any) (any, error) {
	shown, err := shownBy(keyShown, db, s, table, column, v)
	if errors.Is(err, ErrRedacted) {
		err = fmt.Errorf(`%w; tag it audit:"show" if it is no secret, or give the plugin a key by auditplugin.WithHashKey`, err)
	}
	return shown, err
}

// shownValue is what records show of a canonical value: itself or, where the
// column is hashed and the plugin has the key, its hash. A masked one is ErrRedacted.
func shownValue(db *gorm.DB, s *schema.Schema, table, column string, v any) (any, error) {
	return shownBy(installed.Shown, db, s, table, column, v)
}

type asking func(p installed, s *schema.Schema, table, column string, v any) (any, error)

func shownBy(ask asking, db *gorm.DB, s *schema.Schema, table, column string, v any) (any, error) {
	if v == nil || column == "" {
		return v, nil
	}
	var shown any
	if p := pluginOf(db); p != nil {
		var err error
		if shown, err = ask(p, s, table, column, v); err != nil {
			return nil, err
		}
	} else {
		// Without the plugin's key nothing can be said of a hashed value, but the
		// plan can not be made without one.
		plan := redact.ForNames(table, redact.Config{})
		if s != nil {
			var err error
			if plan, err = redact.ForTable(s, table, redact.Config{HashKey: make([]byte, 16)}); err != nil {
				return nil, err
			}
		}
		if shown = plan.Column(table, column, v); isHash(shown) && !values.Equal(shown, v) {
			return nil, fmt.Errorf("%w: column %q is hashed, and the plugin that has the key is not installed here", ErrRedacted, column)
		}
	}
	if !values.Equal(shown, v) && !isHash(shown) {
		return nil, fmt.Errorf("%w: column %q", ErrRedacted, column)
	}
	return shown, nil
}

func isHash(v any) bool {
	s, ok := v.(string)
	return ok && strings.HasPrefix(s, "hmac-sha256:")
}

// schemaOf parses a model: a struct, a slice, a pointer to one.
func schemaOf(db *gorm.DB, model any) (*schema.Schema, error) {
	if model == nil {
		return nil, fmt.Errorf("%w: model is nil", ErrInvalidQuery)
	}
	stmt := &gorm.Statement{DB: db}
	if err := stmt.Parse(model); err != nil {
		return nil, fmt.Errorf("%w: %T is not a model: %w", ErrInvalidQuery, model, err)
	}
	return stmt.Schema, nil
}
