package values

import (
	"encoding/json"
	"math"
	"reflect"
	"testing"
	"time"
)

func packable() []any {
	return []any{
		nil, true, false, int64(0), int64(math.MinInt64), int64(math.MaxInt64), uint64(math.MaxUint64),
		0.1, math.Inf(-1), math.Copysign(0, -1), "", "text \x00 ü",
		[]byte{},
		[]byte{0, 255},
		time.Date(2026, 11, 23, 12, 0, 0, 999999999, time.UTC),
		time.Time{},
		time.Date(1, 1, 1, 0, 0, 0, 1, time.UTC),
		json.Number("12345678901234567890.10"),
		map[string]any{"a": []any{json.Number("1.0"), nil, "<&>", map[string]any{}}, "": true},
		[]any{},
	}
}

func TestPack(t *testing.T) {
	var b []byte
	for _, v := range packable() {
		b = Append(b, v)
	}
	skipped := b
	for _, want := range packable() {
		var got any
		if got, b = Take(b); !reflect.DeepEqual(got, want) {
			t.Errorf("%#v came back as %#v", want, got)
		}
		if skipped = Skip(skipped); len(skipped) != len(b) {
			t.Fatalf("%#v: skipped to %d, taken to %d", want, len(skipped), len(b))
		}
	}
	if len(b) != 0 {
		t.Errorf("%d bytes left", len(b))
	}
	if got, _ := Take(Append(nil, math.NaN())); !math.IsNaN(got.(float64)) {
		t.Errorf("NaN came back as %v", got)
	}
}
