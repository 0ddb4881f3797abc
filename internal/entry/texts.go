package entry

import "strings"

// texts keeps many short texts in few allocations. A text keeps alive those that it
// shares one with.
type texts struct{ b strings.Builder }

// The first texts share little memory: most statements are about one row.
const (
	minTexts = 1 << 10
	maxTexts = 32 << 10
)

// add returns p as a text.
func (t *texts) add(p []byte) string {
	if len(p) == 0 {
		return ""
	}
	if len(p) > maxTexts/4 {
		return string(p)
	}
	if t.b.Cap()-t.b.Len() < len(p) {
		// What was added before stays where it is.
		size := min(max(2*t.b.Cap(), minTexts), maxTexts)
		t.b = strings.Builder{}
		t.b.Grow(max(size, len(p)))
	}
	from := t.b.Len()
	t.b.Write(p)
	return t.b.String()[from:]
}
