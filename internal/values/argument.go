package values

import (
	"encoding/binary"
	"encoding/json"
	"strconv"
	"strings"
	"time"
)

// Argument returns a canonical value in a form that drivers take as an argument for
// the column. Moments are for the caller to place in the driver's zone.
func (r Rule) Argument(v any) any {
	switch x := v.(type) {
	case json.Number, map[string]any, []any:
		if s, err := compact(v); err == nil {
			if r.kind == kindBytes {
				return []byte(s)
			}
			return s
		}
	case string:
		if r.kind == kindJSON {
			if s, err := compact(x); err == nil {
				return s
			}
		}
		if r.kind == kindDate {
			// SQLite: as the driver writes the times that models hold. PostgreSQL does not
			// take such years as texts.
			if t, ok := parseTime(x); ok && (r.are(looseColumns) || !r.are(anyYear) && (t.Year() <= 0 || t.Year() > maxYear)) {
				return t
			}
		}
	case bool:
		if r.kind == kindJSON {
			return strconv.FormatBool(x)
		}
	case time.Time:
		if r.are(looseColumns) {
			return writable(x)
		}
	case uint64:
		if r.bits {
			return r.bitBytes(x)
		}
		return strconv.FormatUint(x, 10) // drivers refuse the high bit
	}
	return v
}

// maxYear is the last that has four digits.
const maxYear = 9999

// writable moves a time whose year in UTC SQLite's drivers would not read back to the
// end of the world where it is another.
func writable(t time.Time) time.Time {
	switch {
	case t.Year() > maxYear:
		return t.In(time.FixedZone("", -12*60*60))
	case t.Year() < 0:
		return t.In(time.FixedZone("", 14*60*60))
	}
	return t
}

// bitBytes are as many as the column has.
func (r Rule) bitBytes(bits uint64) []byte {
	n := (int(r.size) + 7) / 8
	if n == 0 || n > 8 {
		n = 8
	}
	return binary.BigEndian.AppendUint64(nil, bits)[8-n:]
}

// Clock says how a driver gives times.
type Clock struct {
	// Zone is where it places them.
	Zone *time.Location
	// Text tells that it gives the database's text instead (MySQL without parseTime).
	Text bool
}

// Driver returns a canonical value as the driver would give it for the column.
func (r Rule) Driver(v any, clock Clock) any {
	switch x := v.(type) {
	case time.Time:
		switch {
		case clock.Text:
			return []byte(r.DateTime(x))
		case r.are(zeroDates) && x.IsZero():
			return x // it has no zone
		}
		return x.In(clock.Zone)
	case string:
		if v, ok := r.driverDay(x, clock); ok {
			return v
		}
		switch {
		case r.kind == kindClock && r.are(byteTexts):
			return []byte(r.withDigits(x))
		case r.kind == kindDecimal && r.scale > 0:
			v = r.withScale(x)
		}
	case bool:
		switch {
		case r.bits && x:
			return r.bitBytes(1)
		case r.bits:
			return r.bitBytes(0)
		case r.are(numericBools) && r.kind == kindBool && x:
			return int64(1)
		case r.are(numericBools) && r.kind == kindBool:
			return int64(0)
		}
	case float64:
		if r.kind == kindFloat32 && r.are(shortReal) {
			return float64(float32(x)) // widened, as the driver does
		}
	case int64:
		if r.bits {
			return r.bitBytes(uint64(x)) //nolint:gosec // bits
		}
	}
	v = r.Argument(v)
	if s, ok := v.(string); ok && (r.are(byteTexts) || r.kind == kindJSON && !r.are(looseColumns)) {
		return []byte(s)
	}
	return v
}

// driverDay is a day as drivers give it: midnight.
func (r Rule) driverDay(day string, clock Clock) (any, bool) {
	if r.kind != kindDate {
		return nil, false
	}
	if clock.Text {
		return []byte(day), true
	}
	if r.are(zeroDates) && day == noDate {
		return time.Time{}, true
	}
	t, ok := parseTime(day)
	switch {
	case !ok:
		return nil, false
	case r.are(looseColumns):
		return t.In(clock.Zone), true
	}
	return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, clock.Zone), true
}

// DateTime is a moment as MySQL writes it, with as many digits as the column has.
func (r Rule) DateTime(t time.Time) string {
	if t.IsZero() {
		return r.withDigits(noDate + " 00:00:00")
	}
	return r.withDigits(t.UTC().Format("2006-01-02 15:04:05.999999"))
}

// withScale fills up the digits behind the point that databases write of a decimal.
func (r Rule) withScale(s string) string {
	if _, ok := parseNumber(s); !ok || strings.ContainsAny(s, "eE") {
		return s
	}
	dot := strings.IndexByte(s, '.')
	if dot < 0 {
		s, dot = s+".", len(s)
	}
	for len(s)-dot-1 < int(r.scale) {
		s += "0"
	}
	return s
}

// withDigits fills up the digits of a second, as MySQL does.
func (r Rule) withDigits(s string) string {
	dot := strings.IndexByte(s, '.')
	if dot < 0 {
		if r.size == 0 || r.size > 6 {
			return s
		}
		s, dot = s+".", len(s)
	}
	for len(s)-dot-1 < int(r.size) {
		s += "0"
	}
	return s
}
