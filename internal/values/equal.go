package values

import (
	"bytes"
	"encoding/json"
	"math"
	"reflect"
	"strconv"
	"time"
)

// Equal reports whether two canonical values say the same: times by instant,
// numbers by value whatever their type and notation (1, 1.0, 1e0), NaN as itself,
// documents member by member in any order. A value never equals one of another
// kind: "1" is not 1 and nil is not "".
func Equal(a, b any) bool {
	switch x := a.(type) {
	case nil:
		return b == nil
	case bool:
		y, ok := b.(bool)
		return ok && x == y
	case string:
		y, ok := b.(string)
		return ok && x == y
	case []byte:
		y, ok := b.([]byte)
		return ok && bytes.Equal(x, y)
	case time.Time:
		y, ok := b.(time.Time)
		return ok && x.Equal(y)
	case map[string]any:
		y, ok := b.(map[string]any)
		return ok && equalMaps(x, y)
	case []any:
		y, ok := b.([]any)
		return ok && equalSlices(x, y)
	case int64:
		if y, ok := b.(int64); ok {
			return x == y
		}
	}
	if isNumber(a) {
		return isNumber(b) && equalNumbers(a, b)
	}
	return reflect.DeepEqual(a, b)
}

func equalMaps(x, y map[string]any) bool {
	if len(x) != len(y) {
		return false
	}
	for k, v := range x {
		w, ok := y[k]
		if !ok || !Equal(v, w) {
			return false
		}
	}
	return true
}

func equalSlices(x, y []any) bool {
	if len(x) != len(y) {
		return false
	}
	for i := range x {
		if !Equal(x[i], y[i]) {
			return false
		}
	}
	return true
}

func isNumber(v any) bool {
	switch v.(type) {
	case int64, uint64, float64, json.Number, int:
		return true
	}
	return false
}

func equalNumbers(a, b any) bool {
	s, t := numberText(a), numberText(b)
	if s == t {
		return true
	}
	m, ok := parseNumber(s)
	n, also := parseNumber(t)
	return ok && also && m == n
}

func numberText(v any) string {
	switch x := v.(type) {
	case int:
		return strconv.Itoa(x)
	case int64:
		return strconv.FormatInt(x, 10)
	case uint64:
		return strconv.FormatUint(x, 10)
	case float64:
		if math.IsNaN(x) {
			return "NaN"
		}
		return strconv.FormatFloat(x, 'e', -1, 64)
	case json.Number:
		return string(x)
	}
	return ""
}
