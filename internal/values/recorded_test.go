package values_test

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/gorm-audit/auditplugin/internal/values"
)

// read is what a record holds once it has been written as JSON and read back.
func read(t *testing.T, v any) any {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	d := json.NewDecoder(strings.NewReader(string(text)))
	d.UseNumber()
	var back any
	if err := d.Decode(&back); err != nil {
		t.Fatal(err)
	}
	return back
}

func TestRecordedGivesTheCanonicalValueBack(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 678901000, time.UTC)
	for _, dialect := range []string{"sqlite", "postgres", "mysql"} {
		for _, c := range []struct {
			dbType string
			raw    any
		}{
			{"BIGINT", int64(math.MaxInt64)},
			{"BIGINT", int64(-1)},
			{"BIGINT UNSIGNED", uint64(math.MaxUint64)},
			{"DOUBLE PRECISION", 0.1},
			{"DOUBLE PRECISION", 1e300},
			{"NUMERIC", "12345678901234567890.5"},
			{"TEXT", "123"},
			{"TEXT", ""},
			{"TEXT", "YWJj"},
			{"BLOB", []byte{0, 255, 1}},
			{"BLOB", []byte{}},
			{"BOOLEAN", true},
			{"TIMESTAMP", at},
			{"DATE", "2026-01-02"},
			{"UUID", "0b5a3c9e-5f3c-4c5e-8a3a-0123456789ab"},
			{"JSON", `{"a":[1,"2",null,{"b":1.50}]}`},
			{"JSON", `"text"`},
			{"JSON", `3`},
			{"JSON", `true`},
			{"TEXT", nil},
		} {
			rule := values.For(dialect, values.Column{Name: "c", DBType: c.dbType})
			want := rule.Normalise(c.raw)
			got, ok := rule.Recorded(read(t, want))
			if !ok || !values.Equal(got, want) {
				t.Errorf("%s %s: %#v was recorded, %#v came back", dialect, c.dbType, want, got)
			}
			// What goes to the database, and what a driver would give, mean the same.
			if back := rule.Normalise(rule.Argument(got)); !values.Equal(back, want) {
				t.Errorf("%s %s: the argument for %#v is %#v", dialect, c.dbType, want, rule.Argument(got))
			}
			if back := rule.Normalise(rule.Driver(got, values.Clock{Zone: time.FixedZone("", 3600)})); !values.Equal(back, want) {
				t.Errorf("%s %s: the driver's form of %#v is %#v", dialect, c.dbType, want, rule.Driver(got, values.Clock{Zone: time.UTC}))
			}
		}
	}
}

func TestRecordedSpecialFloats(t *testing.T) {
	rule := values.For("postgres", values.Column{Name: "c", DBType: "FLOAT8"})
	for text, want := range map[string]float64{"NaN": math.NaN(), "+Inf": math.Inf(1), "-Inf": math.Inf(-1)} {
		if got, ok := rule.Recorded(text); !ok || !values.Equal(got, want) {
			t.Errorf("%s: %v", text, got)
		}
	}
}
