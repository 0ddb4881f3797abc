package values

import (
	"math"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm/schema"
)

func TestExact(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Skip("no time zone data")
	}
	varchar := Stored{Type: "VARCHAR", Size: 3, UTF8: true}
	datetime := Stored{Type: "DATETIME", Size: 3}
	at := time.Date(2026, 3, 1, 12, 0, 0, 123e6, time.UTC)
	twice := time.Date(2026, 10, 25, 0, 30, 0, 0, time.UTC) // the first of two 02:30 in Berlin
	for _, c := range []struct {
		name string
		s    Stored
		v    any
		loc  *time.Location
		want bool
	}{
		{"NULL", Stored{Type: "INT"}, nil, nil, true},
		{"NULL where refused", Stored{Type: "INT", NotNull: true}, nil, nil, false},
		{"bool", Stored{Type: "TINYINT(1)"}, true, nil, true},
		{"bool in text", varchar, true, nil, false},
		{"int", Stored{Type: "TINYINT"}, 127, nil, true},
		{"int too large", Stored{Type: "TINYINT"}, 128, nil, false},
		{"int too small", Stored{Type: "TINYINT"}, -129, nil, false},
		{"unsigned", Stored{Type: "TINYINT UNSIGNED"}, 255, nil, true},
		{"unsigned too large", Stored{Type: "TINYINT UNSIGNED"}, 256, nil, false},
		{"negative unsigned", Stored{Type: "BIGINT UNSIGNED"}, -1, nil, false},
		{"largest", Stored{Type: "BIGINT UNSIGNED"}, uint64(math.MaxUint64), nil, true},
		{"bigint", Stored{Type: "BIGINT"}, int64(math.MinInt64), nil, true},
		{"int in double", Stored{Type: "DOUBLE"}, 1, nil, false},
		{"double", Stored{Type: "DOUBLE"}, 0.1, nil, true},
		{"rounded double", Stored{Type: "DOUBLE", Size: 10}, 0.1, nil, false},
		{"float", Stored{Type: "FLOAT"}, 0.1, nil, false},
		{"decimal", Stored{Type: "DECIMAL", Size: 10}, "0.1", nil, false},
		{"varchar", varchar, "äöü", nil, true},
		{"varchar too long", varchar, "abcd", nil, false},
		{"not UTF-8", varchar, "\xff", nil, false},
		{"other character set", Stored{Type: "VARCHAR", Size: 3}, "ä", nil, false},
		{"ASCII in it", Stored{Type: "VARCHAR", Size: 3}, "a", nil, true},
		{"char", Stored{Type: "CHAR", Size: 3, UTF8: true}, "a ", nil, false},
		{"enum", Stored{Type: "ENUM", UTF8: true}, "a", nil, false},
		{"text", Stored{Type: "TINYTEXT", UTF8: true}, strings.Repeat("x", 255), nil, true},
		{"text too long", Stored{Type: "TINYTEXT", UTF8: true}, strings.Repeat("x", 256), nil, false},
		{"text in int", Stored{Type: "INT"}, "1", nil, false},
		{"blob", Stored{Type: "BLOB"}, []byte{0xff}, nil, true},
		{"binary is padded", Stored{Type: "BINARY", Size: 4}, []byte{1}, nil, false},
		{"JSON as text", Stored{Type: "JSON", UTF8: true, TextJSON: true}, `{"a":1.0}`, nil, true},
		{"JSON as JSON", Stored{Type: "JSON", UTF8: true}, `{"a":1.0}`, nil, false},
		{"time", datetime, at, time.UTC, true},
		{"time, location unknown", datetime, at, nil, false},
		{"time to be rounded", datetime, at.Add(time.Microsecond), time.UTC, false},
		{"time in another zone", datetime, at, berlin, true},
		{"time that is there twice", datetime, twice, berlin, false},
		{"timestamp", Stored{Type: "TIMESTAMP", Size: 3}, at, time.UTC, false},
		{"date", Stored{Type: "DATE"}, at, time.UTC, false},
		{"map", Stored{Type: "JSON", TextJSON: true}, map[string]any{}, nil, false},
	} {
		if got := c.s.Exact(c.v, c.loc); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

func TestExactSQLite(t *testing.T) {
	for _, c := range []struct {
		declared string
		v        any
		want     bool
	}{
		{"TEXT", nil, true},
		{"TEXT", "ä", true},
		{"VARCHAR", "7", true},
		{"NUMERIC", "7", false},
		{"", "7", false},
		{"STRING", "7", false}, // numeric, whatever it looks like
		{"TEXT", "\xff", false},
		{"TEXT", "a\x00", false},
		{"TEXT", 7, false},
		{"INTEGER", 7, true},
		{"BIGINT", int64(math.MinInt64), true},
		{"INTEGER", uint64(math.MaxUint64), false},
		{"INTEGER", 7.0, false},
		{"INTEGER", "7", false},
		{"REAL", 7, false},
		{"DATETIME", 7, false}, // which a driver reads as seconds
		{"BOOLEAN", 7, false},
		{"REAL", 0.1, true},
		{"DOUBLE PRECISION", 0.0, true},
		{"FLOAT", math.Copysign(0, -1), false},
		{"REAL", math.NaN(), false},
		{"REAL", math.Inf(1), false},
		{"NUMERIC", 0.5, false},
		{"CHARINT", "text", false}, // INT comes first
		{"BLOB", []byte{0}, true},
		{"BLOB", []byte{}, false},
		{"TEXT", []byte("text"), false},
		{"BOOLEAN", true, true},
		{"INTEGER", true, true},
		{"TEXT", true, false},
		{"DATETIME", true, false},
		{"DATETIME", time.Now(), false},
		{"TEXT", map[string]any{}, false},
	} {
		if got := For("sqlite", Column{DBType: c.declared}).ExactSQLite(c.declared, false, c.v); got != c.want {
			t.Errorf("%T %v in %q: %v", c.v, c.v, c.declared, got)
		}
	}
	if For("sqlite", Column{DBType: "TEXT"}).ExactSQLite("TEXT", true, nil) {
		t.Error("NULL where it is refused, or replaced")
	}
	flag := For("sqlite", Column{DBType: "DATETIME", Field: &schema.Field{GORMDataType: schema.Bool}})
	if flag.ExactSQLite("DATETIME", false, true) {
		t.Error("a bool in a column of times")
	}
}
