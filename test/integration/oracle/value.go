package oracle

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"math"
	"math/big"
	"reflect"
	"strings"
	"time"
)

// Equal compares two values as JSON carries them, by what they mean: numbers
// numerically, times by instant, documents structurally, binary by its bytes,
// a boolean like 0 or 1.
func Equal(a, b any) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	if reflect.DeepEqual(a, b) {
		return true
	}
	if x, ok := number(a); ok {
		if y, ok := number(b); ok {
			return sameNumber(x, y)
		}
	}
	x, xIsText := a.(string)
	y, yIsText := b.(string)
	switch {
	case xIsText && yIsText:
		return sameText(x, y)
	case xIsText:
		return sameDocument(document(x), b)
	case yIsText:
		return sameDocument(a, document(y))
	}
	return sameDocument(a, b)
}

// number reads a number, a boolean, or a text that is one.
func number(v any) (*big.Rat, bool) {
	var text string
	switch v := v.(type) {
	case bool:
		text = "0"
		if v {
			text = "1"
		}
	case json.Number:
		text = v.String()
	case string:
		if v == "" || strings.ContainsAny(v, "/_xXpP") {
			return nil, false
		}
		text = v
	case float64:
		return new(big.Rat).SetFloat64(v), !math.IsInf(v, 0) && !math.IsNaN(v)
	default:
		return nil, false
	}
	return new(big.Rat).SetString(text)
}

// sameNumber is exact for integers; fractions may differ in how their last digits
// were printed.
func sameNumber(x, y *big.Rat) bool {
	if x.Cmp(y) == 0 {
		return true
	}
	if x.IsInt() && y.IsInt() {
		return false
	}
	a, _ := x.Float64()
	b, _ := y.Float64()
	// MySQL's JSON writes the 0.1 of a FLOAT as 0.10000000149011612.
	if float32(a) == float32(b) && (a == float64(float32(a)) || b == float64(float32(b))) {
		return true
	}
	return math.Abs(a-b) <= 1e-9*math.Max(math.Abs(a), math.Abs(b))
}

func sameText(x, y string) bool {
	if a, ok := instant(x); ok {
		if b, ok := instant(y); ok {
			return a.Equal(b)
		}
	}
	if a, b := document(x), document(y); a != nil && b != nil {
		return sameDocument(a, b)
	}
	if a, ok := binary(x); ok {
		return sameBytes(a, y)
	}
	if b, ok := binary(y); ok {
		return sameBytes(b, x)
	}
	return false
}

// sameBytes compares bytes with a text that carries bytes in whatever way.
func sameBytes(want []byte, text string) bool {
	if b, ok := binary(text); ok {
		return bytes.Equal(want, b)
	}
	if b, err := base64.StdEncoding.DecodeString(text); err == nil && bytes.Equal(want, b) {
		return true
	}
	return string(want) == text
}

// binary decodes what the triggers write for binary columns.
func binary(text string) ([]byte, bool) {
	for _, prefix := range []string{"hex:", `\x`} {
		if rest, ok := strings.CutPrefix(text, prefix); ok {
			b, err := hex.DecodeString(rest)
			return b, err == nil
		}
	}
	return nil, false
}

var layouts = []string{
	"2006-01-02 15:04:05.999999999Z07:00", "2006-01-02T15:04:05.999999999Z07:00",
	"2006-01-02 15:04:05.999999999Z07", "2006-01-02T15:04:05.999999999Z07",
	"2006-01-02 15:04:05.999999999", "2006-01-02T15:04:05.999999999", "2006-01-02",
}

func instant(text string) (time.Time, bool) {
	if len(text) < 10 || text[4] != '-' {
		return time.Time{}, false
	}
	if strings.HasPrefix(text, "0000-00-00") { // MySQL's zero, which its driver reads as Go's
		return time.Time{}, true
	}
	for _, layout := range layouts {
		if at, err := time.Parse(layout, text); err == nil {
			return at, true
		}
	}
	return time.Time{}, false
}

// document decodes a text that is a JSON object or array, or returns nil.
func document(text string) any {
	if !strings.HasPrefix(text, "{") && !strings.HasPrefix(text, "[") {
		return nil
	}
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	var v any
	if decoder.Decode(&v) != nil || decoder.More() {
		return nil
	}
	return v
}

func sameDocument(a, b any) bool {
	switch a := a.(type) {
	case map[string]any:
		b, ok := b.(map[string]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for key, value := range a {
			other, ok := b[key]
			if !ok || !Equal(value, other) {
				return false
			}
		}
		return true
	case []any:
		b, ok := b.([]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for i := range a {
			if !Equal(a[i], b[i]) {
				return false
			}
		}
		return true
	}
	return false
}
