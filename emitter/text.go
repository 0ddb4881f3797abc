package emitter

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"unicode"
	"unicode/utf8"
)

// repair returns s as UTF-8 that every database accepts: what is not UTF-8, and
// NUL, which PostgreSQL refuses, become U+FFFD.
func repair(s string) string {
	if utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 {
		return s
	}
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}

// hashDigits is how many hexadecimal digits of the SHA-256 a cut text ends with.
const hashDigits = 16

// cut repairs s and limits it to limit characters. A longer text ends with "…#"
// and a hash of the whole, so that two long texts stay two.
func cut(s string, limit int) string {
	if len(s) <= limit {
		return repair(s)
	}
	head := s
	if len(head) > limit*utf8.UTFMax {
		head = head[:limit*utf8.UTFMax]
	}
	repaired := repair(head)
	if len(head) == len(s) && utf8.RuneCountInString(repaired) <= limit {
		return repaired
	}
	sum := sha256.Sum256([]byte(s))
	tail := "…#" + hex.EncodeToString(sum[:])[:hashDigits]
	return firstRunes(repaired, limit-utf8.RuneCountInString(tail)) + tail
}

func firstRunes(s string, n int) string {
	for i := range s {
		if n <= 0 {
			return s[:i]
		}
		n--
	}
	return s
}

// oneLine repairs s and writes control characters and line separators as
// visible escapes. Handlers that write JSON escape them too; ones that write for
// people often do not.
func oneLine(s string) string {
	s = repair(s)
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
