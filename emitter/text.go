package emitter

import (
	"strings"
	"unicode"

	"github.com/gorm-audit/auditplugin/internal/entry"
)

// oneLine repairs s and writes control characters and line separators as
// visible escapes. Handlers that write JSON escape them too; ones that write for
// people often do not.
func oneLine(s string) string {
	s = entry.Repair(s)
	if strings.IndexFunc(s, breaksLine) < 0 {
		return s
	}
	var b strings.Builder
	b.Grow(len(s) + 8)
	for _, r := range s {
		switch {
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case breaksLine(r):
			const hexDigits = "0123456789abcdef"
			b.WriteString(`\u`)
			for shift := 12; shift >= 0; shift -= 4 {
				b.WriteByte(hexDigits[(r>>shift)&0xf])
			}
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

func breaksLine(r rune) bool {
	return unicode.IsControl(r) || r == '\u2028' || r == '\u2029'
}
