package values

import (
	"bytes"
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// composite is a value that no driver takes: a map, slice or struct meant for a
// JSON column.
type composite struct{ v any }

func (c composite) text() any {
	if b, err := json.Marshal(c.v); err == nil {
		return string(b)
	}
	return fmt.Sprintf("%T", c.v)
}

// plain reduces raw to nil, bool, int64, uint64 above math.MaxInt64, float32,
// float64, string, []byte (not copied), time.Time or composite.
func plain(raw any) any {
	switch x := raw.(type) {
	case nil, bool, int64, float64, float32, string, time.Time:
		return raw
	case []byte:
		if x == nil {
			return nil // as every driver sends it
		}
		return raw
	case uint64:
		return unsigned(x)
	case int:
		return int64(x)
	}
	return plainReflect(raw, 0)
}

// maxValuers bounds Valuers that return Valuers and pointers to pointers.
const maxValuers = 8

func plainReflect(raw any, depth int) any {
	switch x := raw.(type) {
	case nil, bool, int64, float64, float32, string, time.Time:
		return raw
	case driver.Valuer:
		if depth >= maxValuers {
			return composite{raw}
		}
		if inner, ok := valueOf(x); ok {
			return plainReflect(inner, depth+1)
		}
		return nil
	}
	v := reflect.ValueOf(raw)
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			return nil
		}
		if depth >= maxValuers {
			return composite{raw}
		}
		return plainReflect(v.Elem().Interface(), depth+1)
	case reflect.Bool:
		return v.Bool()
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return v.Int()
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return unsigned(v.Uint())
	case reflect.Float32:
		return float32(v.Float())
	case reflect.Float64:
		return v.Float()
	case reflect.String:
		return v.String()
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			if v.IsNil() {
				return nil
			}
			return v.Bytes()
		}
		if v.IsNil() {
			return nil
		}
	case reflect.Map:
		if v.IsNil() {
			return nil
		}
	case reflect.Array:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			b := make([]byte, v.Len())
			reflect.Copy(reflect.ValueOf(b), v.Convert(reflect.ArrayOf(v.Len(), reflect.TypeFor[byte]())))
			return b
		}
	case reflect.Struct:
		if v.Type().ConvertibleTo(timeType) {
			return v.Convert(timeType).Interface()
		}
	}
	return composite{raw}
}

// valueOf calls Value as database/sql does. A Valuer that fails or panics has no
// value here; the statement that sent it fails on its own account.
func valueOf(x driver.Valuer) (v any, ok bool) {
	if rv := reflect.ValueOf(x); rv.Kind() == reflect.Pointer && rv.IsNil() {
		return nil, false
	}
	defer func() {
		if recover() != nil {
			v, ok = nil, false
		}
	}()
	v, err := x.Value()
	return v, err == nil
}

func unsigned(u uint64) any {
	if u > math.MaxInt64 {
		return u
	}
	return int64(u)
}

func clone(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return bytes.Clone(b)
}

// printable reports whether b is text rather than binary data.
func printable(b []byte) bool {
	if !utf8.Valid(b) {
		return false
	}
	return strings.IndexFunc(string(b), func(r rune) bool {
		return unicode.IsControl(r) && r != '\n' && r != '\r' && r != '\t'
	}) < 0
}
