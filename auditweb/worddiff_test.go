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
		{"a b", "a  b", "a {␣}b"},
		{"one two three four ", "one two three four", "one two three four[␣]"},
		{"one two three cafe\u0301", "one two three caf\u00e9", `one two three [cafe\u0301]{caf\u00E9}`},
		{"a dog 👩\u200d🚀 went up there", "a dog 👨\u200d🚀 went up there", "a dog [👩\u200d🚀]{👨\u200d🚀} went up there"},
		{"पानी is water in Hindi", "पाना is water in Hindi", "[पानी]{पाना} is water in Hindi"},
		{"東 京 都 庁 一番", "東 京 都 庁 二番", "東 京 都 庁 [一]{二}番"},
		{strings.Repeat("same words ", 900) + "end", strings.Repeat("same words ", 900) + "stop", strings.Repeat("same words ", 900) + "[end]{stop}"},
	} {
		var got strings.Builder
		left := diffWork
		for _, r := range wordDiff(c.from, c.to, &left) {
			got.WriteString(map[string]string{"del": "[", "ins": "{"}[r.Op] + r.Text + map[string]string{"del": "]", "ins": "}"}[r.Op])
		}
		if got.String() != c.want {
			t.Errorf("%q and %q: %q, want %q", c.from, c.to, got.String(), c.want)
		}
	}
}
