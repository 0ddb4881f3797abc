package auditweb

import (
	"cmp"
	"slices"
	"strings"

	"github.com/gorm-audit/auditplugin/history"
)

// ordered puts the field that the page is about first, and the others in the order in which
// people count.
func (q *request) ordered(fields []history.Field) []history.Field {
	about := func(f history.Field) int {
		if q.about != "" && (f.Path == q.about || strings.HasPrefix(f.Path, q.about+".")) {
			return 0
		}
		return 1
	}
	fields = slices.Clone(fields)
	slices.SortStableFunc(fields, func(a, b history.Field) int {
		return cmp.Or(cmp.Compare(about(a), about(b)), counted(a.Path, b.Path))
	})
	return fields
}

// counted compares texts with the numbers in them by their size: "line 2" is before "line 10".
func counted(a, b string) int {
	for a != "" && b != "" {
		if n, m := digits(a), digits(b); n > 0 && m > 0 {
			x, y := strings.TrimLeft(a[:n], "0"), strings.TrimLeft(b[:m], "0")
			if c := cmp.Or(cmp.Compare(len(x), len(y)), cmp.Compare(x, y)); c != 0 {
				return c
			}
			a, b = a[n:], b[m:]
			continue
		}
		if a[0] != b[0] {
			return cmp.Compare(a[0], b[0])
		}
		a, b = a[1:], b[1:]
	}
	return cmp.Compare(len(a), len(b))
}

// digits is how many digits a text begins with.
func digits(s string) int {
	n := 0
	for n < len(s) && s[n] >= '0' && s[n] <= '9' {
		n++
	}
	return n
}
