package main

import (
	"testing"

	"github.com/gorm-audit/auditplugin/test/benchmarks/subject"
)

func TestSpread(t *testing.T) {
	got := spreadOf([]float64{5, 1, 4, 2, 3})
	if got.median != 3 || got.q1 != 2 || got.q3 != 4 || got.low != 1 || got.high != 5 {
		t.Errorf("got %+v", got)
	}
	if got := spreadOf([]float64{1, 2}).median; got != 1.5 {
		t.Errorf("median of two is %v, want 1.5", got)
	}
	if got := spreadOf(nil).String(); got != "–" {
		t.Errorf("nothing is %q", got)
	}
	values := make([]float64, 101)
	for i := range values {
		values[i] = float64(100 - i)
	}
	// Of 101 values, ranks 40 and 61 or so hold the median of the distribution.
	if got := spreadOf(values); got.low < 38 || got.low > 42 || got.high < 58 || got.high > 62 {
		t.Errorf("interval is %v to %v", got.low, got.high)
	}
}

func TestVerdict(t *testing.T) {
	narrow := func(median float64) spread {
		return spread{n: 9, median: median, low: median - 0.01, high: median + 0.01}
	}
	for _, c := range []struct {
		target target
		s      spread
		limit  float64
		want   string
	}{
		{target{}, narrow(1.2), 1.1, "≤ 1.10 missed"},
		{target{}, narrow(1.0), 1.1, "≤ 1.10 met"},
		{target{}, narrow(1.105), 1.1, "≤ 1.10 missed?"},
		{target{}, narrow(1.1), 1.1, "≤ 1.10 met?"},
		{target{atLeast: true}, narrow(0.5), 0.75, "≥ 0.75 missed"},
		{target{atLeast: true}, narrow(0.8), 0.75, "≥ 0.75 met"},
		{target{}, spread{n: 5, median: 1, low: 1, high: 1}, 1.1, "≤ 1.10 met?"},
		{target{}, narrow(1), 0, ""},
		{target{}, spread{}, 1, ""},
	} {
		if got := c.target.verdict(c.s, c.limit); got != c.want {
			t.Errorf("%v: got %q, want %q", c, got, c.want)
		}
	}
}

func TestTargets(t *testing.T) {
	for _, c := range []struct {
		work           string
		kind           subject.Kind
		mode           subject.Mode
		plain, trigger float64
	}{
		{"create", subject.SQLite, subject.Default, 1.4, 1.1},
		{"delete", subject.Postgres, subject.Prepare, 1.35, 1.15},
		{"update1000", subject.SQLite, subject.Default, 0, 1.3},
		{"update1000", subject.MySQL, subject.Default, 0, 1},
		{"update", subject.SQLite, subject.NoSync, 0, 1.15},
		{"read", subject.SQLite, subject.NoSync, 1.02, 1.02},
		{writers, subject.Postgres, subject.Default, 0.75, 0.95},
	} {
		if got := targetOf(c.work, c.kind, c.mode); got.plain != c.plain || got.trigger != c.trigger {
			t.Errorf("%s on %s, %s: %+v", c.work, c.kind, c.mode, got)
		}
	}
}

// Ratios compare turns of the same round, whatever happened between rounds.
func TestCompare(t *testing.T) {
	_, toPlain, toTrigger := compare(map[subject.Variant][]float64{
		subject.Plain:   {1, 10, 100},
		subject.Plugin:  {2, 20, 200},
		subject.Trigger: {4, 40, 400},
	})
	if got := toPlain[subject.Plugin]; got.q1 != 2 || got.q3 != 2 {
		t.Errorf("plugin to plain is %v, want 2", got)
	}
	if toTrigger.median != 0.5 {
		t.Errorf("plugin to trigger is %v, want 0.5", toTrigger)
	}
	if _, ok := toPlain[subject.Plain]; ok {
		t.Error("plain is compared with itself")
	}
}
