package values

import (
	"encoding/base64"
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
