package history

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"

	"gorm.io/gorm/clause"

	"github.com/gorm-audit/auditplugin/emitter"
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
		return oneOf(found), nil
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
	text, err := recordedJSON(v)
	if err != nil {
		return nil, fmt.Errorf("%w: value for column %q has no JSON form", ErrInvalidQuery, name)
	}
	c := column(image)
	switch b.dialect {
	case "postgres":
		return clause.Expr{SQL: "? -> CAST(? AS text) = CAST(? AS jsonb)", Vars: []any{c, name, text}}, nil
	case "sqlite":
		test, vars := sqliteTest(v, text)
		return clause.Expr{
			SQL:  "EXISTS (SELECT 1 FROM json_each(?) AS f WHERE f.key = ? AND " + test + ")",
			Vars: append([]any{c, name}, vars...),
		}, nil
	case "mysql":
		mariaDB := false
		if isDocument(v) {
			if mariaDB, err = b.isMariaDB(); err != nil {
				return nil, err
			}
		}
		return mysqlTest(clause.Expr{SQL: "JSON_EXTRACT(?, ?)", Vars: []any{c, "$." + quoteJSON(name)}}, v, text, mariaDB), nil
	}
	return nil, b.unsupported()
}

// sqliteTest compares a row f of json_each.
func sqliteTest(v any, text string) (string, []any) {
	switch x := v.(type) {
	case nil:
		return "f.type = 'null'", nil
	case bool:
		return "f.type = ?", []any{strconv.FormatBool(x)}
	case int64:
		return "f.type IN ('integer', 'real') AND f.value = ?", []any{x}
	case float64:
		if !math.IsNaN(x) && !math.IsInf(x, 0) {
			return "f.type IN ('integer', 'real') AND f.value = ?", []any{x}
		}
	case uint64, json.Number:
		// As text: SQLite would round it.
		return "f.type IN ('integer', 'real') AND CAST(f.json -> f.fullkey AS TEXT) = ?", []any{text}
	case map[string]any, []any:
		return "f.type IN ('object', 'array') AND f.value = ?", []any{text}
	}
	return "f.type = 'text' AND f.value = ?", []any{unquoteJSON(text)}
}

// mysqlTest compares what is at a place, in such a way that neither the collation,
// nor the padding of texts, nor the rounding of numbers has a say.
func mysqlTest(at clause.Expr, v any, text string, mariaDB bool) clause.Expression {
	isA := func(kinds string) clause.Expression {
		return clause.Expr{SQL: "JSON_TYPE(?) IN (" + kinds + ")", Vars: []any{at}}
	}
	with := func(sql string, value any) clause.Expression {
		return clause.Expr{SQL: sql, Vars: []any{at, value}}
	}
	const numbers = "'INTEGER', 'UNSIGNED INTEGER', 'DECIMAL', 'DOUBLE'"
	switch x := v.(type) {
	case nil:
		return isA("'NULL'")
	case bool:
		return allOf(isA("'BOOLEAN'"), with("JSON_UNQUOTE(?) = ?", strconv.FormatBool(x)))
	case int64, uint64:
		// A DECIMAL keeps all the digits, a DOUBLE the very small.
		return allOf(isA(numbers), with("JSON_UNQUOTE(?) + 0e0 = ? + 0e0", text),
			with("CAST(JSON_UNQUOTE(?) AS DECIMAL(65,20)) = CAST(? AS DECIMAL(65,20))", text))
	case json.Number:
		return allOf(isA(numbers), with("JSON_UNQUOTE(?) + 0e0 = ? + 0e0", text))
	case float64:
		if !math.IsNaN(x) && !math.IsInf(x, 0) {
			return allOf(isA(numbers), with("JSON_UNQUOTE(?) + 0e0 = ?", x))
		}
	case map[string]any, []any:
		// The first test also keeps NULL out, which MariaDB's JSON_EQUALS says is
		// equal to anything.
		if mariaDB {
			return allOf(isA("'OBJECT', 'ARRAY'"), with("JSON_EQUALS(?, ?)", text))
		}
		return allOf(isA("'OBJECT', 'ARRAY'"), with("? = CAST(? AS JSON)", text))
	}
	return allOf(isA("'STRING'"), with("CAST(JSON_UNQUOTE(?) AS BINARY) = CAST(CONVERT(? USING utf8mb4) AS BINARY)", unquoteJSON(text)))
}

func (b *builder) isMariaDB() (bool, error) {
	var version string
	if b.db.DryRun {
		return false, nil
	}
	if err := b.db.WithContext(b.ctx).Raw("SELECT VERSION()").Scan(&version).Error; err != nil {
		return false, fmt.Errorf("auditplugin: reading the server's version: %w", err)
	}
	return strings.Contains(strings.ToLower(version), "mariadb"), nil
}

// recordedJSON writes a canonical value as the emitter writes it into an image.
func recordedJSON(v any) (string, error) {
	var out strings.Builder
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	if err := e.Encode(jsonForm(v)); err != nil {
		return "", err //nolint:wrapcheck // the caller says what could not be encoded
	}
	return strings.TrimSuffix(out.String(), "\n"), nil
}

// jsonForm replaces what JSON has no form for by the texts that stand for it.
func jsonForm(v any) any {
	switch x := v.(type) {
	case string:
		return emitter.StoredText("", x) // repaired, of any length
	case []byte:
		return base64.StdEncoding.EncodeToString(x)
	case time.Time:
		return x.UTC().Format(time.RFC3339Nano)
	case float64:
		switch {
		case math.IsNaN(x):
			return "NaN"
		case math.IsInf(x, 1):
			return "+Inf"
		case math.IsInf(x, -1):
			return "-Inf"
		}
	case map[string]any:
		m := make(map[string]any, len(x))
		for k, e := range x {
			m[emitter.StoredText("", k)] = jsonForm(e)
		}
		return m
	case []any:
		s := make([]any, len(x))
		for i, e := range x {
			s[i] = jsonForm(e)
		}
		return s
	}
	return v
}

func unquoteJSON(text string) string {
	var s string
	if json.Unmarshal([]byte(text), &s) != nil {
		return text
	}
	return s
}
