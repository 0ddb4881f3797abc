package values

import (
	"math"
	"strings"
	"time"
	"unicode/utf8"
)

// Stored says what a MySQL or MariaDB column can hold.
type Stored struct {
	// Type is the catalog's bare type: "VARCHAR", "BIGINT UNSIGNED", "TINYINT(1)".
	Type string
	// Size is what its declaration has in parentheses first: the length of a
	// VARCHAR, the digits of a second of a DATETIME; 0 without.
	Size int
	// NotNull tells that NULL is refused, or becomes something else.
	NotNull bool
	// UTF8 tells that the column's character set is utf8mb4.
	UTF8 bool
	// TextJSON tells that JSON is kept as the text that was sent.
	TextJSON bool
}

// Exact reports whether a column gives back just what is sent: v fits, and is
// neither rounded, padded, cut nor converted. It errs on the side of false. The
// location is the one in which the driver writes times, nil where it is not known.
func (s Stored) Exact(v any, loc *time.Location) bool {
	base, unsigned := strings.CutSuffix(s.Type, " UNSIGNED")
	switch x := plain(v).(type) {
	case nil:
		return !s.NotNull
	case bool:
		_, isInt := intBits(base)
		return isInt
	case int64:
		bits, isInt := intBits(base)
		switch {
		case !isInt:
			return false
		case unsigned:
			return x >= 0 && (bits == 64 || x < 1<<bits)
		}
		return x >= -1<<(bits-1) && x <= 1<<(bits-1)-1
	case uint64: // above math.MaxInt64
		return base == "BIGINT" && unsigned
	case float64:
		return base == "DOUBLE" && s.Size == 0 && !unsigned && !math.IsNaN(x) && !math.IsInf(x, 0)
	case string:
		return s.holdsText(base, x)
	case []byte:
		switch base {
		case "VARBINARY":
			return len(x) <= s.Size
		case "JSON":
			return s.TextJSON && utf8.Valid(x)
		}
		most, ok := blobBytes[base]
		return ok && len(x) <= most
	case time.Time:
		return base == "DATETIME" && loc != nil && s.holdsTime(x, loc)
	}
	return false
}

func intBits(base string) (uint, bool) {
	switch base {
	case "TINYINT", "TINYINT(1)":
		return 8, true
	case "SMALLINT":
		return 16, true
	case "MEDIUMINT":
		return 24, true
	case "INT", "INTEGER":
		return 32, true
	case "BIGINT":
		return 64, true
	}
	return 0, false
}

var (
	textBytes = map[string]int{"TINYTEXT": 1<<8 - 1, "TEXT": 1<<16 - 1, "MEDIUMTEXT": 1<<24 - 1, "LONGTEXT": 1<<32 - 1}
	blobBytes = map[string]int{"TINYBLOB": 1<<8 - 1, "BLOB": 1<<16 - 1, "MEDIUMBLOB": 1<<24 - 1, "LONGBLOB": 1<<32 - 1}
)

func (s Stored) holdsText(base, x string) bool {
	if !utf8.ValidString(x) || !s.UTF8 && !isASCII(x) {
		return false
	}
	switch base {
	case "VARCHAR":
		return utf8.RuneCountInString(x) <= s.Size
	case "JSON":
		return s.TextJSON
	}
	most, ok := textBytes[base]
	return ok && len(x) <= most
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// holdsTime: a DATETIME keeps the clock of the location alone, so that of the hour
// that is there twice when clocks go back, one is read back as the other.
func (s Stored) holdsTime(t time.Time, loc *time.Location) bool {
	t = t.In(loc)
	unit := 1
	for range 9 - s.Size {
		unit *= 10
	}
	if s.Size > 6 || t.Nanosecond()%unit != 0 || t.Year() < 1000 || t.Year() > 9999 {
		return false
	}
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), loc).Equal(t)
}
