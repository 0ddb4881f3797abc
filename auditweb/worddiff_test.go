package auditweb

import (
	"strings"
	"testing"
)

// A changed phrase is shown whole; words that stayed keep their place.
func TestWordDiff(t *testing.T) {
	for _, c := range []struct{ from, to, want string }{
		{"leave it at number nine, please", "leave it at number seven, please", "leave it at number [nine]{seven}, please"},
		{"a lamp with a brass arm", "a lamp with a long brass arm", "a lamp with a {long }brass arm"},
		{"It turns and tilts well. Now with free shipping.", "It turns and tilts well. A bulb is included.", "It turns and tilts well. [Now with free shipping]{A bulb is included}."},
		{"one two three four five six", "one two 3 4 five six", "one two [three four]{3 4} five six"},
		{"nothing in common here", "all of it is different", ""},
		{"too short", "too brief", ""},
	} {
		var got strings.Builder
		for _, r := range wordDiff(c.from, c.to) {
			got.WriteString(map[string]string{"del": "[", "ins": "{"}[r.Op] + r.Text + map[string]string{"del": "]", "ins": "}"}[r.Op])
		}
		if got.String() != c.want {
			t.Errorf("%q and %q: %q, want %q", c.from, c.to, got.String(), c.want)
		}
	}
}
