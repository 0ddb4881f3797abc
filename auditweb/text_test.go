package auditweb

import (
	"strings"
	"testing"
)

// What is seen stays as it is, of every script; what is not, or would turn or cover what is
// around it, is written as a number.
func TestVisible(t *testing.T) {
	for text, want := range map[string]string{
		"👨\u200d👩\u200d👧 👍🏽 ❤️ 🏳️\u200d🌈": "👨\u200d👩\u200d👧 👍🏽 ❤️ 🏳️\u200d🌈",
		"می\u200cخواهم क्\u200dष":         "می\u200cخواهم क्\u200dष",
		"a\u200db \u200c \u200b":          `a\u200Db \u200C \u200B`,
		"שָׁלוֹם cafe\u0301 हिन्दी":       "שָׁלוֹם cafe\u0301 हिन्दी",
		"\u0301a":                         `\u0301a`,
		"a\ufe0fb\u034f":                  `a\uFE0Fb\u034F`,
		"\U000e0067":                      `\U000E0067`,
		"\u3164":                          `\u3164`,
		"x\u202ey\x00\t\r":                `x\u202Ey\u0000\t\r`,
		"Z" + strings.Repeat("\u0335", 9): "Z" + strings.Repeat("\u0335", 6) + `\u0335\u0335\u0335`,
	} {
		if got := visible(text); got != want {
			t.Errorf("%+q: %+q, want %+q", text, got, want)
		}
	}
}

// Names are seen where they are nothing but spaces, or underscores.
func TestNamesWithoutLetters(t *testing.T) {
	for got, want := range map[string]string{named("  "): "␣␣", named("a b"): "a b", named(" a b "): "␣a b␣", words("__"): "__", words("\t"): `\t`, named(""): ""} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// A text is not cut within what people see as one character.
func TestShortened(t *testing.T) {
	for _, c := range []struct {
		text string
		n    int
		want string
	}{
		{"abc", 3, "abc"},
		{"abcd", 3, "abc…"},
		{"abe\u0301d", 3, "ab…"},
		{"ab👨\u200d👩d", 4, "ab…"},
		{"ab👍🏽d", 3, "ab…"},
	} {
		if got := shortened(c.text, c.n); got != c.want {
			t.Errorf("%q, %d: %q, want %q", c.text, c.n, got, c.want)
		}
	}
}
