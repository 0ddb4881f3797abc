package values

import (
	"math"
	"strings"
	"unicode/utf8"
)

// ExactSQLite reports whether a SQLite column of the declared type gives back just what
// is sent, as the rule sees it. It errs on the side of false: of times, for one, each
// driver makes its own text.
func (r Rule) ExactSQLite(declared string, notNull bool, v any) bool {
	switch x := plain(v).(type) {
	case nil:
		return !notNull // such a column may have a default in its place
	case bool:
		// Drivers send 0 or 1.
		switch affinity(declared) {
		case "INTEGER":
			return r.kind == kindBool || r.kind == kindInt
		case "NUMERIC":
			return r.kind == kindBool && (declared == "NUMERIC" || declared == "BOOLEAN" || declared == "BOOL")
		}
	case int64:
		return affinity(declared) == "INTEGER"
	case float64:
		// It keeps whole numbers as integers, which have no negative zero; NaN is NULL.
		return affinity(declared) == "REAL" && !math.IsNaN(x) && !math.IsInf(x, 0) && (x != 0 || !math.Signbit(x))
	case string:
		return affinity(declared) == "TEXT" && utf8.ValidString(x) && strings.IndexByte(x, 0) < 0
	case []byte:
		return affinity(declared) == "BLOB" && len(x) > 0
	}
	return false
}

// affinity is what SQLite makes of a declared type
// (https://www.sqlite.org/datatype3.html#determination_of_column_affinity). One with
// parentheses loses what comes after them here, which decides for hardly any.
func affinity(declared string) string {
	has := func(words ...string) bool {
		for _, w := range words {
			if strings.Contains(declared, w) {
				return true
			}
		}
		return false
	}
	switch {
	case has("INT"):
		return "INTEGER"
	case has("CHAR", "CLOB", "TEXT"):
		return "TEXT"
	case declared == "" || has("BLOB"):
		return "BLOB"
	case has("REAL", "FLOA", "DOUBLE"): // SQLite looks for less of the last
		return "REAL"
	}
	return "NUMERIC"
}
