package values

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
)

// Recorded returns the canonical value that a record read back from the audit table
// holds as v: there, as in all JSON, bytes are base64, times are texts and numbers
// have no type. It is false where that does not tell: the column had another type when
// it was recorded, the text was repaired, or it may as well stand for bytes.
func (r Rule) Recorded(v any) (any, bool) {
	switch x := v.(type) {
	case nil:
		return nil, true
	case string:
		return r.recordedText(x)
	case json.Number:
		return r.recordedNumber(x)
	case bool:
		switch r.kind {
		case kindBool, kindJSON, kindAny:
			return x, true
		case kindDecimal, kindInt:
			if r.are(looseColumns) { // a model's boolean, in a column of numbers that no model tells of
				n := int64(0)
				if x {
					n = 1
				}
				return r.Normalise(n), true
			}
		}
		return r.fitting(r.Normalise(x))
	case map[string]any, []any:
		return r.recordedDocument(x)
	}
	return r.fitting(r.Normalise(v))
}

// recordedDocument: what is JSON by its content is recorded as a document, and stored as a
// text or bytes.
func (r Rule) recordedDocument(doc any) (any, bool) {
	switch r.kind {
	case kindText, kindBytes:
		if b, ok := recordedBytes(doc); ok && r.kind == kindText {
			return b, r.are(looseColumns)
		}
		s, err := compact(doc)
		if r.kind == kindBytes {
			return []byte(s), err == nil
		}
		return s, err == nil
	}
	return doc, r.kind == kindJSON || r.kind == kindAny || r.are(looseColumns)
}

// SameDocument reports whether a canonical value is the text, or the bytes, of a document.
func SameDocument(v, doc any) bool {
	s, ok := text(v)
	return ok && Equal(decode(s), doc)
}

func (r Rule) recordedText(x string) (any, bool) {
	switch r.kind {
	case kindBytes:
		if b, err := base64.StdEncoding.Strict().DecodeString(x); err == nil {
			return b, true
		}
		if id, err := uuid.Parse(x); err == nil && len(x) == 36 {
			return id[:], true // recorded by a model that knows it for one
		}
		return nil, false
	case kindFloat, kindFloat32:
		if f, ok := special(x); ok {
			return f, true
		}
	case kindJSON:
		// A document that is a text. One that reads like a document may be the text of one,
		// from when the column was one of texts.
		return x, x == "" || x[0] != '{' && x[0] != '[' || !json.Valid([]byte(x))
	case kindUUID:
		if b, err := base64.StdEncoding.Strict().DecodeString(x); err == nil && len(b) == len(uuid.UUID{}) {
			return uuid.UUID(b).String(), true // recorded without a model
		}
		return x, !strings.Contains(x, repaired)
	case kindText:
		return x, !strings.Contains(x, repaired)
	case kindAny:
		if r.are(byteTexts) || r.are(looseColumns) {
			_, err := base64.StdEncoding.Strict().DecodeString(x)
			return x, x == "" || err != nil && !strings.Contains(x, repaired)
		}
		return x, !strings.Contains(x, repaired)
	}
	return r.fitting(r.Normalise(x))
}

// repaired stands in records for what no text may hold.
const repaired = "\uFFFD"

func (r Rule) recordedNumber(x json.Number) (any, bool) {
	switch r.kind {
	case kindJSON:
		return x, true
	case kindText, kindDecimal:
		return string(x), true
	case kindFloat, kindFloat32:
		f, err := x.Float64()
		return f, err == nil
	case kindAny:
		return untyped(x), true
	case kindBytes:
		return untyped(x), r.are(looseColumns)
	}
	if whole, ok := integer(x); ok {
		return r.fitting(r.Normalise(whole))
	}
	if f, err := x.Float64(); err == nil {
		return r.fitting(r.Normalise(f))
	}
	return nil, false
}

// fitting reports whether a column of the rule's type can hold v. SQLite's hold anything.
func (r Rule) fitting(v any) (any, bool) {
	ok := r.are(looseColumns)
	switch x := v.(type) {
	case bool:
		ok = ok || r.kind == kindBool
	case int64, uint64:
		ok = ok || r.kind == kindInt || r.kind == kindBits || r.kind == kindBool
	case float64:
		ok = ok || r.kind == kindFloat || r.kind == kindFloat32
	case time.Time:
		ok = ok || r.kind == kindTime
	case []byte:
		ok = ok || r.kind == kindBytes
	case string:
		switch r.kind {
		case kindDecimal, kindFloat, kindFloat32:
			_, number := parseNumber(x)
			ok = ok || number || x == "NaN" || strings.HasSuffix(x, "Infinity")
		case kindTime:
			ok = ok || isInfinite(x)
		case kindDate:
			_, day := parseTime(x)
			ok = ok || day || isInfinite(x)
		case kindClock:
			ok = ok || strings.Count(x, ":") > 0
		case kindText, kindUUID, kindAny:
			ok = true
		}
	}
	return v, ok
}

// isInfinite recognises PostgreSQL's times that lie beyond all others.
func isInfinite(s string) bool { return s == "infinity" || s == "-infinity" }

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

// IsTime reports whether values of the column are moments or days.
func (r Rule) IsTime() bool { return r.kind == kindTime || r.kind == kindDate }

// IsText reports whether values of the column are texts of any kind, of which databases
// may take several spellings for the same.
func (r Rule) IsText() bool { return r.kind == kindText || r.kind == kindAny }

// IsUUID reports whether values of the column are UUIDs, whose canonical form is
// text however they are stored.
func (r Rule) IsUUID() bool { return r.kind == kindUUID }

// IsBinary reports whether the database's type is one of bytes.
func (r Rule) IsBinary() bool { return r.binary }

// IsJSON reports whether values of the column are documents.
func (r Rule) IsJSON() bool { return r.kind == kindJSON }

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
