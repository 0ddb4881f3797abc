package redact

import (
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode"
)

// knownTags is the language of audit tags, said in another way than the parser does.
var knownTags = regexp.MustCompile(`^(|-|mask|hash|show|mask=0*([1-9]|[1-5][0-9]|6[0-4]))$`)

// spelled writes a rule as the tag that it came from.
func spelled(r rule) string {
	if r.op == opTail {
		return "mask=" + strconv.Itoa(r.tail)
	}
	return map[op]string{opNone: "", opShow: "show", opHash: "hash", opMask: "mask", opDrop: "-"}[r.op]
}

// FuzzTagLanguage: exactly the known tags are accepted, and a rule written as a tag
// is read as the same rule.
func FuzzTagLanguage(f *testing.F) {
	for _, s := range []string{"", "-", "mask", "mask=1", "mask=64", "mask=65", "mask=0", "mask=007", "mask=4 ", " hash", "show,mask", "Mask", "mask=٣", "mask=1_0", "--"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, tag string) {
		r, err := parseTag(tag)
		if known := knownTags.MatchString(strings.TrimFunc(tag, unicode.IsSpace)); known != (err == nil) {
			t.Fatalf("%q: known %t, error %v", tag, known, err)
		}
		if err != nil {
			return
		}
		if again, err := parseTag(spelled(r)); err != nil || again != r {
			t.Errorf("%q is %+v, which is written %q, which is %+v, %v", tag, r, spelled(r), again, err)
		}
	})
}
