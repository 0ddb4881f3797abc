// Package values turns what database drivers return, and what applications send
// to them, into the canonical values that audit records hold, so that the same
// stored value looks the same whichever driver, protocol or statement brought it.
//
// A canonical value is one of nil, bool, int64, uint64 (above math.MaxInt64
// only), float64, string, []byte (binary columns only), time.Time (UTC, without a
// monotonic reading), or, for JSON columns, the decoded document: map[string]any,
// []any, json.Number, string, bool or nil. JSON null and SQL NULL are both nil.
package values

import (
	"time"

	"gorm.io/gorm/schema"
)

// Column says what is known about a column. Every field may be left empty: the
// more is known, the more exact the result.
type Column struct {
	// Name is the column's name in the database.
	Name string
	// Field is the model's field for the column, or nil.
	Field *schema.Field
	// DBType is the database's name for the type, from the catalog or from
	// sql.ColumnType: "VARCHAR", "numeric(10,2)", "UNSIGNED BIGINT". Case, length
	// and sign words do not matter.
	DBType string
	// Size is the first number in the type's parentheses, where it is known: on MySQL,
	// the digits of a second, or the bits of a BIT.
	Size int
	// Scale is how many digits behind the point the column keeps, where it is known.
	Scale int
}

// Rule converts the values of one column. The zero Rule judges by the Go type of
// the value alone. A Rule is a plain value and safe for concurrent use.
type Rule struct {
	kind kind
	traits
	// Only reading records back asks for the rest.
	binary bool // the database's type is one of bytes
	bits   bool // it is BIT, on MySQL
	size   uint8
	scale  uint8
}

// For returns the rule for a column in a database of the named GORM dialect
// ("sqlite", "postgres", "mysql"). Rules depend on nothing but the arguments:
// keep them with the schema's plan.
func For(dialect string, c Column) Rule {
	t := traitsOf(dialect)
	stored := t.kindOfType(c.DBType)
	return Rule{
		kind:   t.kindOf(c),
		traits: t,
		binary: stored == kindBytes,
		bits:   stored == kindBits,
		size:   uint8(min(max(c.Size, 0), 255)),  //nolint:gosec // bounded
		scale:  uint8(min(max(c.Scale, 0), 255)), //nolint:gosec // bounded
	}
}

// Normalise is For(dialect, c).Normalise(raw), for a single value.
func Normalise(dialect string, c Column, raw any) any {
	return For(dialect, c).Normalise(raw)
}

// Normalise returns the canonical form of raw: a value scanned into an any, or
// one that an application sent to the database (a driver.Valuer, a pointer, any
// number type, a time). It never fails: what does not fit the column's type is
// kept in the nearest form. The result shares no memory with raw.
func (r Rule) Normalise(raw any) any {
	v := plain(raw)
	if v == nil {
		return nil
	}
	switch r.kind {
	case kindJSON:
		return toJSON(v)
	case kindUUID:
		return r.toUUID(v)
	case kindBool:
		return r.toBool(v)
	case kindInt:
		return toInt(v)
	case kindFloat:
		return toFloat(v)
	case kindFloat32:
		return shortest32(toFloat(v))
	case kindDecimal:
		return toDecimal(v)
	case kindText:
		if b, ok := v.([]byte); ok && r.are(looseColumns) && !isText(b) {
			return clone(b) // SQLite keeps bytes in a column of texts
		}
		return toText(v)
	case kindBytes:
		return toBytes(v)
	case kindBits:
		return toBits(v)
	case kindTime:
		return r.toTime(v)
	case kindDate:
		return r.toDate(v)
	case kindClock:
		return toClock(v)
	default:
		return r.byType(v)
	}
}

// byType is the conversion for columns of which nothing is known.
func (r Rule) byType(v any) any {
	switch x := v.(type) {
	case []byte:
		if r.are(byteTexts) && printable(x) {
			return string(x)
		}
		return clone(x)
	case time.Time:
		return canonicalTime(x)
	case float32:
		return float64(x)
	case composite:
		return x.text()
	default:
		return v
	}
}
