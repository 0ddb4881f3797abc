package oracle

import (
	"encoding/json"
	"testing"
)

func TestEqual(t *testing.T) {
	cases := []struct {
		a, b any
		same bool
	}{
		{nil, nil, true},
		{nil, "", false},
		{true, json.Number("1"), true},
		{false, json.Number("1"), false},
		{json.Number("1.50"), json.Number("1.5"), true},
		{json.Number("9007199254740993"), json.Number("9007199254740992"), false},
		{"12.30", json.Number("12.3"), true},
		{"abc", json.Number("1"), false},
		{"2024-01-02 03:04:05+02:00", "2024-01-02T01:04:05Z", true},
		{"2024-01-02 03:04:05", "2024-01-02T03:04:06Z", false},
		{`{"a": 1, "b": [true]}`, map[string]any{"b": []any{true}, "a": json.Number("1.0")}, true},
		{`{"a": 1}`, map[string]any{"a": json.Number("2")}, false},
		{`{"a": null}`, map[string]any{}, false},
		{"hex:6162FF", "YWL/", true},
		{`\x6162`, "ab", true},
		{"hex:6162", "YWL/", false},
		{"a", "b", false},
	}
	for _, c := range cases {
		if got := Equal(c.a, c.b); got != c.same {
			t.Errorf("Equal(%v, %v) = %v", c.a, c.b, got)
		}
		if got := Equal(c.b, c.a); got != c.same {
			t.Errorf("Equal(%v, %v) = %v", c.b, c.a, got)
		}
	}
}
