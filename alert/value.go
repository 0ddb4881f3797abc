package alert

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gorm-audit/auditplugin/audit"
)

// Predicate is a question about a value, for [Value] and [Metadata].
type Predicate struct {
	text  string
	err   error
	holds func(field) bool
}

// Value holds for records in which the column, or the path inside a JSON column,
// fulfils every predicate. Values are compared as the record has them, so that of
// a masked column only the stars are seen. Numbers are equal if they are the same
// number, whether the database gives them as numbers or as text.
//
//	alert.Value("role", alert.Becomes("admin"))
//	alert.Value("balance", alert.Below(0))
func Value(path string, predicates ...Predicate) Condition {
	c := valueCondition("value of "+path, path, predicates, func(r *audit.Record) field { return find(r, path) })
	c.columns = []string{path}
	return c
}

// Metadata holds for records whose metadata at key, or at a dotted path, fulfils
// every predicate.
func Metadata(key string, predicates ...Predicate) Condition {
	return valueCondition("metadata "+key, key, predicates, func(r *audit.Record) field {
		v, ok := dig(r.Metadata, key)
		return field{to: v, after: ok, changed: ok, known: ok}
	})
}

func valueCondition(text, path string, predicates []Predicate, get func(*audit.Record) field) *condition {
	c := &condition{text: text}
	if path == "" {
		c.err = errors.New("a path is empty")
	}
	if len(predicates) == 0 {
		c.err = errors.New(text + ": no predicate")
	}
	for _, p := range predicates {
		if p.holds == nil && p.err == nil {
			p.err = errors.New("predicate without content")
		}
		if p.err != nil {
			c.err = fmt.Errorf("%s: %w", text, p.err)
		}
		c.text += " " + p.text
	}
	c.holds = func(r *audit.Record) bool {
		f := get(r)
		for _, p := range predicates {
			if !p.holds(f) {
				return false
			}
		}
		return true
	}
	return c
}

// Becomes holds for a value that is one of values now and was none of them before.
func Becomes(values ...any) Predicate {
	return Predicate{"becomes " + texts(values), someValue(values), func(f field) bool {
		return f.after && f.changed && among(f.to, values) && !(f.before && among(f.from, values))
	}}
}

// Is holds for a value that is one of values now. In an update, only columns that
// changed have a value now.
func Is(values ...any) Predicate {
	return Predicate{"is " + texts(values), someValue(values), func(f field) bool {
		return f.after && among(f.to, values)
	}}
}

// Was holds for a value that was one of values before.
func Was(values ...any) Predicate {
	return Predicate{"was " + texts(values), someValue(values), func(f field) bool {
		return f.before && among(f.from, values)
	}}
}

// Above holds for a number that is greater than limit now. Texts that are numbers
// count as numbers.
func Above(limit float64) Predicate {
	return compared("above", limit, func(sign int) bool { return sign > 0 })
}

// Below holds for a number that is less than limit now. Texts that are numbers
// count as numbers.
func Below(limit float64) Predicate {
	return compared("below", limit, func(sign int) bool { return sign < 0 })
}

func compared(word string, limit float64, wanted func(sign int) bool) Predicate {
	p := Predicate{text: word + " " + strconv.FormatFloat(limit, 'f', -1, 64)}
	edge := new(big.Rat).SetFloat64(limit)
	if edge == nil {
		p.err = fmt.Errorf("%s needs a finite number", word)
		return p
	}
	p.holds = func(f field) bool {
		n, ok := number(f.to, true)
		return f.after && ok && wanted(n.Cmp(edge))
	}
	return p
}

// Matches holds for a value that, as text, matches the regular expression now
// (package regexp; unanchored).
func Matches(expression string) Predicate {
	p := Predicate{text: "matches " + expression}
	re, err := regexp.Compile(expression)
	if err != nil {
		p.err = err
		return p
	}
	p.holds = func(f field) bool { return f.after && f.to != nil && re.MatchString(fmt.Sprint(f.to)) }
	return p
}

func someValue(values []any) error {
	if len(values) == 0 {
		return errors.New("no values")
	}
	return nil
}

func texts(values []any) string {
	all := make([]string, len(values))
	for i, v := range values {
		all[i] = fmt.Sprint(v)
	}
	return strings.Join(all, " or ")
}

func among(v any, values []any) bool {
	for _, want := range values {
		if same(v, want) {
			return true
		}
	}
	return false
}

// same compares values across the forms that databases, JSON and Go give them.
func same(a, b any) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	if t, ok := a.(time.Time); ok {
		a = t.UTC().Format(time.RFC3339Nano)
	}
	if t, ok := b.(time.Time); ok {
		b = t.UTC().Format(time.RFC3339Nano)
	}
	x, xText := a.(string)
	y, yText := b.(string)
	if xText && yText {
		return x == y
	}
	m, xNumber := number(a, !yText)
	n, yNumber := number(b, !xText)
	if xNumber && yNumber {
		return m.Cmp(n) == 0
	}
	switch a.(type) {
	case map[string]any, []any, []byte:
		budget := 100_000
		return sameDocument(a, b, &budget)
	}
	return false
}

// number reads a number. Databases without booleans have 0 and 1; decimals often
// arrive as text.
func number(v any, fromText bool) (*big.Rat, bool) {
	var text string
	switch v := v.(type) {
	case bool:
		if v {
			return big.NewRat(1, 1), true
		}
		return new(big.Rat), true
	case json.Number:
		text = v.String()
	case string:
		if !fromText {
			return nil, false
		}
		text = strings.TrimSpace(v)
	default:
		switch r := reflect.ValueOf(v); r.Kind() {
		case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
			return new(big.Rat).SetInt64(r.Int()), true
		case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
			return new(big.Rat).SetUint64(r.Uint()), true
		case reflect.Float32, reflect.Float64:
			n := new(big.Rat).SetFloat64(r.Float())
			return n, n != nil
		case reflect.String:
			if !fromText {
				return nil, false
			}
			text = r.String()
		default:
			return nil, false
		}
	}
	// An exponent out of all proportion would take all memory as a fraction.
	if f, err := strconv.ParseFloat(text, 64); err != nil || len(text) > 400 || f == 0 && strings.ContainsAny(text, "eEpP") {
		return nil, false
	}
	return new(big.Rat).SetString(text)
}

// sameDocument compares JSON documents, up to a size beyond which they are taken to
// differ: a document that contains itself has no end.
func sameDocument(a, b any, budget *int) bool {
	if *budget--; *budget < 0 {
		return false
	}
	switch x := a.(type) {
	case map[string]any:
		y, ok := b.(map[string]any)
		if !ok || len(x) != len(y) {
			return false
		}
		for k, v := range x {
			if w, ok := y[k]; !ok || !sameDocument(v, w, budget) {
				return false
			}
		}
		return true
	case []any:
		y, ok := b.([]any)
		return ok && slices.EqualFunc(x, y, func(v, w any) bool { return sameDocument(v, w, budget) })
	case []byte:
		y, ok := b.([]byte)
		return ok && bytes.Equal(x, y)
	}
	switch b.(type) {
	case map[string]any, []any, []byte:
		return false
	}
	return same(a, b)
}
