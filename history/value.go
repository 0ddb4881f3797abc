package history

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"gorm.io/gorm/clause"

	"github.com/gorm-audit/auditplugin/history/internal/condition"
	"github.com/gorm-audit/auditplugin/internal/values"
)

// From asks for records that say a column had a value before: updates that changed
// it from there, and deletes. Values are compared as JSON values: numbers by value,
// texts exactly, documents member by member (on SQLite as the text that the
// emitter writes; with MariaDB from 10.7 on); nil is NULL. A value over the
// plugin's size limit matches nothing, since only its hash is recorded.
//
// With a model known, by [Of] or [Query.Model], the value is converted as the
// column's would be. The value of a hashed column is hashed; that of a masked one
// fails with [ErrRedacted].
func (q Query) From(name string, value any) Query { return q.valued("before", name, value) }

// To asks for records that say a column has a value since: updates that changed it
// to that, and creates. See [Query.From].
func (q Query) To(name string, value any) Query { return q.valued("after", name, value) }

func (q Query) valued(image, name string, value any) Query {
	return q.where(func(b *builder) (clause.Expression, error) {
		name := b.columnName(name)
		if name == "" {
			return nil, fmt.Errorf("%w: column without a name", ErrInvalidQuery)
		}
		v, err := b.recorded(name, value)
		if err != nil {
			return nil, err
		}
		var found []clause.Expression
		for _, n := range b.names(name) {
			e, err := b.holds(image, n, v)
			if err != nil {
				return nil, err
			}
			found = append(found, e)
		}
		return condition.OneOf(found), nil
	})
}

// recorded is what records show of a value of a column.
func (b *builder) recorded(name string, value any) (any, error) {
	c := values.Column{Name: name}
	if n, ok := value.(json.Number); ok {
		value = numberOf(n)
	}
	if t := reflect.TypeOf(value); t != nil && (t.Kind() == reflect.Func || t.Kind() == reflect.Chan) {
		return nil, fmt.Errorf("%w: no column holds a %T", ErrInvalidQuery, value)
	}
	if b.schema != nil {
		c.Field = b.schema.FieldsByDBName[name]
	}
	if c.Field == nil && isDocument(value) {
		c.DBType = "JSON"
	}
	return shownValue(b.q.db, b.schema, b.table, name, values.Normalise(b.q.db.Name(), c, value))
}

// numberOf is what a number read from a record was before JSON; what is none stays
// a text.
func numberOf(n json.Number) any {
	if i, err := n.Int64(); err == nil {
		return i
	}
	if u, err := strconv.ParseUint(string(n), 10, 64); err == nil {
		return u
	}
	if f, err := n.Float64(); err == nil {
		return f
	}
	return string(n)
}

// isDocument tells values that can only be meant for a JSON column.
func isDocument(v any) bool {
	if _, ok := v.(json.RawMessage); ok {
		return true
	}
	t := reflect.TypeOf(v)
	return t != nil && (t.Kind() == reflect.Map || t.Kind() == reflect.Slice && t.Elem().Kind() != reflect.Uint8)
}

// holds is the condition that an image has a canonical value in a column.
func (b *builder) holds(image, name string, v any) (clause.Expression, error) {
	text, err := condition.JSON(v)
	if err != nil {
		return nil, fmt.Errorf("%w: value for column %q has no JSON form", ErrInvalidQuery, name)
	}
	return b.sql.Holds(image, name, v, text)
}

// IsMariaDB tells MariaDB from MySQL.
func (b *builder) IsMariaDB() (bool, error) {
	var version string
	if b.db.DryRun {
		return false, nil
	}
	if err := b.db.WithContext(b.ctx).Raw("SELECT VERSION()").Scan(&version).Error; err != nil {
		return false, fmt.Errorf("auditplugin: reading the server's version: %w", err)
	}
	return strings.Contains(strings.ToLower(version), "mariadb"), nil
}
