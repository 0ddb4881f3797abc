package values

import (
	"encoding/binary"
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
)

// text returns the text that v arrived as, if it arrived as text.
func text(v any) (string, bool) {
	switch x := v.(type) {
	case string:
		return x, true
	case []byte:
		return string(x), true
	}
	return "", false
}

// rest is the form of a value that does not fit its column's type.
func rest(v any) any {
	switch x := v.(type) {
	case []byte:
		if printable(x) {
			return string(x)
		}
		return clone(x)
	case float32:
		return float64(x)
	case time.Time:
		return canonicalTime(x)
	case composite:
		return x.text()
	}
	return v
}

func (r Rule) toBool(v any) any {
	switch x := v.(type) {
	case int64:
		if r.are(looseColumns) {
			return x > 0 // as the driver does where it knows the declared type
		}
		if x == 0 || x == 1 {
			return x == 1
		}
	case float32:
		if x == 0 || x == 1 {
			return x == 1
		}
	case float64:
		if x == 0 || x == 1 {
			return x == 1
		}
	case []byte:
		if len(x) == 1 && x[0] <= 1 {
			return x[0] == 1 // BIT(1)
		}
	}
	if s, ok := text(v); ok {
		if b, err := strconv.ParseBool(s); err == nil {
			return b
		}
	}
	return rest(v)
}

func toInt(v any) any {
	switch x := v.(type) {
	case bool:
		if x {
			return int64(1)
		}
		return int64(0)
	case float32:
		return toInt(float64(x))
	case float64:
		if x == math.Trunc(x) && math.Abs(x) < 1<<63 {
			return int64(x)
		}
	}
	if s, ok := text(v); ok {
		if i, err := strconv.ParseInt(s, 10, 64); err == nil {
			return i
		}
		if u, err := strconv.ParseUint(s, 10, 64); err == nil {
			return u
		}
	}
	return rest(v)
}

// toFloat parses text only when the float says exactly what the text says: a
// DECIMAL column can hold more digits than a float does.
func toFloat(v any) any {
	switch x := v.(type) {
	case float32:
		return float64(x)
	case int64:
		if f := float64(x); math.Abs(f) <= 1<<53 {
			return f
		}
	}
	if s, ok := text(v); ok {
		f, err := strconv.ParseFloat(s, 64)
		if err != nil {
			return rest(v)
		}
		n, ok := parseNumber(s)
		if !ok || math.IsInf(f, 0) || math.IsNaN(f) {
			return f
		}
		if back, _ := parseNumber(strconv.FormatFloat(f, 'e', -1, 64)); back == n {
			return f
		}
		return n.String()
	}
	return rest(v)
}

// shortest32 turns a widened 32-bit float back into the number that was meant:
// 0.10000000149011612 → 0.1.
func shortest32(v any) any {
	f, ok := v.(float64)
	if !ok || float64(float32(f)) != f {
		return v
	}
	short, err := strconv.ParseFloat(strconv.FormatFloat(f, 'g', -1, 32), 64)
	if err != nil {
		return v
	}
	return short
}

func toDecimal(v any) any {
	var s string
	switch x := v.(type) {
	case int64:
		return strconv.FormatInt(x, 10)
	case uint64:
		return strconv.FormatUint(x, 10)
	case float64:
		s = strconv.FormatFloat(x, 'e', -1, 64)
	case float32:
		s = strconv.FormatFloat(float64(x), 'e', -1, 64)
	default:
		var ok bool
		if s, ok = text(v); !ok {
			return rest(v)
		}
	}
	if n, ok := parseNumber(s); ok {
		return n.String()
	}
	return s
}

func toText(v any) any {
	switch x := v.(type) {
	case []byte:
		return string(x)
	case int64:
		return strconv.FormatInt(x, 10)
	case uint64:
		return strconv.FormatUint(x, 10)
	}
	return rest(v)
}

func toBytes(v any) any {
	switch x := v.(type) {
	case []byte:
		return clone(x)
	case string:
		return []byte(x)
	}
	return rest(v)
}

func toBits(v any) any {
	if b, ok := v.([]byte); ok && len(b) <= 8 {
		var wide [8]byte
		copy(wide[8-len(b):], b)
		return unsigned(binary.BigEndian.Uint64(wide[:]))
	}
	return toInt(v)
}

func (r Rule) toUUID(v any) any {
	b, ok := v.([]byte)
	if ok && len(b) == 16 {
		return uuid.UUID(b).String()
	}
	// Only the usual form: 32 digits without hyphens may be what a text column
	// really holds.
	if s, ok := text(v); ok && len(s) == 36 {
		if id, err := uuid.Parse(s); err == nil {
			return id.String()
		}
	}
	return rest(v)
}

// toJSON decodes text; numbers and booleans come from SQLite, whose JSON columns
// have numeric affinity.
func toJSON(v any) any {
	switch x := v.(type) {
	case bool:
		return x
	case int64:
		return json.Number(strconv.FormatInt(x, 10))
	case uint64:
		return json.Number(strconv.FormatUint(x, 10))
	case float64:
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return x
		}
		return json.Number(strconv.FormatFloat(x, 'g', -1, 64))
	case composite:
		s, _ := x.text().(string)
		return decode(s)
	}
	if s, ok := text(v); ok {
		return decode(s)
	}
	return rest(v)
}

// decode returns the document in s, or s itself when it is not exactly one.
func decode(s string) any {
	d := json.NewDecoder(strings.NewReader(s))
	d.UseNumber()
	var doc any
	if err := d.Decode(&doc); err != nil {
		return s
	}
	if strings.TrimLeft(s[d.InputOffset():], " \t\r\n") != "" {
		return s
	}
	return doc
}
