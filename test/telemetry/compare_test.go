package telemetry

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

// compare compares metrics by name.
func compare(t *testing.T, got, want map[string]float64) {
	t.Helper()
	if maps.Equal(got, want) {
		return
	}
	all := maps.Clone(got)
	maps.Copy(all, want)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		g, has := got[name]
		w, wanted := want[name]
		switch {
		case !has:
			t.Errorf("no %s, want %v", name, w)
		case !wanted:
			t.Errorf("%s is %v, and is not wanted", name, g)
		case g != w:
			t.Errorf("%s is %v, want %v", name, g, w)
		}
	}
}

// noSecret fails if the planted value is in what was shown.
func noSecret(t *testing.T, where string, shown any) {
	t.Helper()
	text := fmt.Sprintf("%+v", shown)
	if at := strings.Index(text, secret); at >= 0 {
		t.Errorf("%s has the planted value: …%s…", where, text[max(0, at-80):min(len(text), at+40)])
	}
}
