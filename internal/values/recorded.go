package values

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"math"
	"strconv"
	"time"
)

// Recorded returns the canonical value that a record read back from the audit table
// holds as v: there, as in all JSON, bytes are base64, times are texts and numbers
// have no type.
func (r Rule) Recorded(v any) any {
	switch x := v.(type) {
	case nil:
		return nil
	case string:
		switch r.kind {
		case kindBytes:
			if b, err := base64.StdEncoding.DecodeString(x); err == nil {
				return b
			}
		case kindFloat, kindFloat32:
			if f, ok := special(x); ok {
				return f
			}
		case kindJSON:
			return x // a document that is a text, not the text of a document
		case kindBits, kindDecimal, kindText, kindUUID:
			return x
		}
	case json.Number:
		switch r.kind {
		case kindJSON:
			return x
		case kindText, kindDecimal:
			return string(x)
		case kindFloat, kindFloat32:
			if f, err := x.Float64(); err == nil {
				return f
			}
		case kindAny:
			return untyped(x)
		}
		if whole, ok := integer(x); ok {
			return r.Normalise(whole)
		}
		if f, err := x.Float64(); err == nil {
			return r.Normalise(f)
		}
	case map[string]any, []any:
		return v
	}
	return r.Normalise(v)
}

// special reads the texts that stand for what JSON has no number for.
func special(s string) (float64, bool) {
	switch s {
	case "NaN":
		return math.NaN(), true
	case "+Inf":
		return math.Inf(1), true
	case "-Inf":
		return math.Inf(-1), true
	}
	return 0, false
}

func integer(n json.Number) (any, bool) {
	if i, err := strconv.ParseInt(string(n), 10, 64); err == nil {
		return i, true
	}
	if u, err := strconv.ParseUint(string(n), 10, 64); err == nil {
		return u, true
	}
	// PostgreSQL writes 1e3 as 1000, and 1000.0 stays as it is.
	if p, ok := parseNumber(string(n)); ok && p.exp >= 0 && p.exp < 20 {
		if i, err := strconv.ParseInt(p.String(), 10, 64); err == nil {
			return i, true
		}
	}
	return nil, false
}

func untyped(n json.Number) any {
	if i, ok := integer(n); ok {
		return i
	}
	if f, err := n.Float64(); err == nil {
		return f
	}
	return string(n)
}

// Argument returns a canonical value in a form that drivers take as an argument for
// the column.
func (r Rule) Argument(v any) any {
	switch x := v.(type) {
	case json.Number, map[string]any, []any:
		if s, err := compact(v); err == nil {
			return s
		}
	case string:
		if r.kind == kindJSON {
			if s, err := compact(x); err == nil {
				return s
			}
		}
		if r.kind == kindDate && r.lite {
			if t, ok := parseTime(x); ok {
				return t // as the driver writes the times that models hold
			}
		}
	case bool:
		if r.kind == kindJSON {
			return strconv.FormatBool(x)
		}
	case uint64:
		return strconv.FormatUint(x, 10) // drivers refuse the high bit
	}
	return v
}

// Driver returns a canonical value as the driver would give it for the column,
// with times in zone.
func (r Rule) Driver(v any, zone *time.Location) any {
	switch x := v.(type) {
	case time.Time:
		return x.In(zone)
	case string:
		if r.kind == kindDate && !r.lite {
			if t, err := time.ParseInLocation(dateLayout, x, zone); err == nil {
				return t
			}
			if r.mysql && x == noDate {
				return time.Time{}
			}
		}
	case bool:
		if r.mysql && r.kind == kindBool {
			if x {
				return int64(1)
			}
			return int64(0)
		}
	case int64:
		if r.kind == kindBits {
			return binary.BigEndian.AppendUint64(nil, uint64(x)) //nolint:gosec // bits
		}
	}
	v = r.Argument(v)
	if s, ok := v.(string); ok && (r.mysql || r.kind == kindJSON && !r.lite) {
		return []byte(s)
	}
	return v
}

// IsTime reports whether values of the column are moments or days.
func (r Rule) IsTime() bool { return r.kind == kindTime || r.kind == kindDate }

// IsText reports whether values of the column are texts of any kind, of which databases
// may take several spellings for the same.
func (r Rule) IsText() bool { return r.kind == kindText || r.kind == kindAny }

// IsUUID reports whether values of the column are UUIDs, whose canonical form is
// text however they are stored.
func (r Rule) IsUUID() bool { return r.kind == kindUUID }

// FromKeyText returns the canonical value whose [KeyText] is s, and false where the
// text does not tell.
func (r Rule) FromKeyText(s string) (any, bool) {
	var v any = s
	switch r.kind {
	case kindBytes:
		b, err := hex.DecodeString(s)
		if err != nil {
			return nil, false
		}
		v = b
	case kindFloat, kindFloat32:
		f, err := strconv.ParseFloat(s, 64)
		if err != nil {
			return nil, false
		}
		v = f
	case kindJSON:
		return nil, false
	}
	v = r.Normalise(v)
	return v, KeyText(v) == s
}
