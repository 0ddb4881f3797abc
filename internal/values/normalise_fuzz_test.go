package values_test

import (
	"math"
	"testing"
	"time"

	"github.com/gorm-audit/auditplugin/internal/values"
)

// FuzzNormaliseTwice: what is canonical stays as it is, so images that come by
// different ways, one of them canonical already, compare equal.
func FuzzNormaliseTwice(f *testing.F) {
	f.Add("sqlite", "DATETIME", "2024-02-29 13:14:15.123456+00:00", int64(0), 0.5)
	f.Add("mysql", "BIT(8)", "\xff", int64(-1), math.NaN())
	f.Add("postgres", "NUMERIC", "-1e-2147483648", int64(math.MinInt64), math.Inf(-1))
	f.Add("mysql", "json", `{"a":[1e999999999]}`, int64(2), 1e308)
	f.Add("mysql", "DECIMAL", "0012.500", int64(2), 1e22)
	f.Add("postgres", "date", "2024-02-29", int64(2), 1e22)
	f.Add("sqlite", "BOOLEAN", "t", int64(7), 1.0)
	f.Add("postgres", "uuid", "6BA7B810-9DAD-11D1-80B4-00C04FD430C8", int64(7), 1.0)
	f.Add("postgres", "time", "13:14:15.5", int64(7), 1.0)
	f.Add("", "time", ".A.", int64(7), 1.0)
	fields := []string{"", "ID", "Name", "Active", "Small", "Price", "Weight", "Data", "At", "Born", "Settings", "Gob", "Ref", "Unix"}
	f.Fuzz(func(t *testing.T, dialect, dbType, s string, i int64, x float64) {
		for _, field := range fields {
			rule := values.For(dialect, column(t, field, dbType))
			_, decodes := rule.Normalise("[]").([]any)
			for _, raw := range []any{s, []byte(s), i, x, float32(x), uint64(i), i%2 == 0, time.Unix(i%1e10, i%1e9), &s} {
				once := rule.Normalise(raw)
				if _, isText := once.(string); isText && decodes {
					continue // a document that is a string looks like one that is to be decoded
				}
				if twice := rule.Normalise(once); !values.Equal(once, twice) {
					t.Errorf("%s field %q type %q: %T %v became %T %v, then %T %v", dialect, field, dbType, raw, raw, once, once, twice, twice)
				}
			}
		}
	})
}
