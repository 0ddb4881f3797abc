package auditweb

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

// Two sides that differ never look the same.
func TestTellApart(t *testing.T) {
	h := &Handler{cfg: settings{zone: time.UTC}}
	for _, c := range []struct {
		from, to        any
		was, is, noting string
	}{
		{"some text", "some  text", "some␣text", "some␣␣text", "only white space is different"},
		{"a b", "a\u00a0b", "a␣b", `a\u00A0b`, "only white space is different"},
		{"caf\u00e9", "cafe\u0301", `caf\u00E9`, `cafe\u0301`, "written with other characters that look the same"},
		{"a\tb", `a\tb`, `"a\tb"`, `"a\\tb"`, ""},
		{"naïve", "cafe\u0301", "naïve", "cafe\u0301", ""},
		{" ", "  ", "1 space", "2 spaces", ""},
		{" \t", "  ", `␣\t`, "2 spaces", ""},
		{nil, "", "nothing", "empty", ""},
		{"2026-01-02T10:00:00.001Z", "2026-01-02T10:00:00.002Z", "2026-01-02T10:00:00.001Z", "2026-01-02T10:00:00.002Z", ""},
		{"2026-01-02T10:00:00Z", "2026-01-02T11:00:00+01:00", "2026-01-02T10:00:00Z", "2026-01-02T11:00:00+01:00", ""},
		{"2026-01-02T00:00:00Z", "2026-01-02T05:45:00+05:45", "2 Jan 2026", "2 Jan 2026 00:00:00 UTC", ""},
		{map[string]any{"a": "1"}, map[string]any{"a": json.Number("1")}, `{ "a": "1" }`, `{ "a": 1 }`, ""},
	} {
		from, to := h.valueOf(c.from), h.valueOf(c.to)
		note := tellApart(&from, &to)
		if from.Text != c.was || to.Text != c.is || note != c.noting {
			t.Errorf("%q and %q: %q and %q, %q", c.from, c.to, from.Text, to.Text, note)
		}
	}
}

// Spaces around a text are seen, and so are those within a document.
func TestSpacesOfValues(t *testing.T) {
	h := &Handler{cfg: settings{zone: time.UTC}}
	for _, c := range []struct {
		v    any
		want string
	}{
		{" x y ", "␣x y␣"},
		{"x\n", "x↵\n"},
		{map[string]any{"a": map[string]any{"b": "x  y"}}, `{ "a": { "b": "x  y" } }`},
	} {
		if got := h.valueOf(c.v).Text; got != c.want {
			t.Errorf("%q: %q, want %q", c.v, got, c.want)
		}
	}
}

// Long values are folded by their lines, too, and documents begin in one line.
func TestFolds(t *testing.T) {
	h := &Handler{cfg: settings{zone: time.UTC}}
	if v := h.valueOf(strings.Repeat("x\n", 30)); strings.Count(v.Short, "\n") != manyLines-1 {
		t.Errorf("%q", v.Short)
	}
	list := make([]any, 500)
	for i := range list {
		list[i] = json.Number("7")
	}
	if v := h.valueOf(list); strings.Contains(v.Short, "\n") || !strings.HasPrefix(v.Short, "[ 7, 7, ") || strings.Count(v.Text, "7") != 500 {
		t.Errorf("%q", v.Short)
	}
	if v := h.valueOf(list[:20]); v.Short != "" || strings.Contains(v.Text, "\n") {
		t.Errorf("%q %q", v.Short, v.Text)
	}
}

// Of a hash, the part is shown that tells two values apart.
func TestHashes(t *testing.T) {
	if v := hiddenValue("hashed", "hmac-sha256:0a1b2c3d:feedbeef0123"); v.Text != "hashed feedbeef…" {
		t.Error(v.Text)
	}
}
