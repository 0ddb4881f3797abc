package entry

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"unicode/utf8"
)

const (
	// TextLimit is how many characters a text column holds, unless said
	// otherwise: as many as MySQL can index together with a second one.
	TextLimit = 255
	// WideTextLimit is for user agents and source lines.
	WideTextLimit = 512
	// LongTextLimit is for what people write: messages and reasons.
	LongTextLimit = 4096
)

// Repair returns s as UTF-8 that every database accepts: what is not UTF-8, and
// NUL, which PostgreSQL refuses, become U+FFFD.
func Repair(s string) string {
	if utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 {
		return s
	}
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}

// hashDigits is how many hexadecimal digits of the SHA-256 a cut text ends with.
const hashDigits = 16

// Cut repairs s and limits it to limit characters. A longer text ends with "…#"
// and a hash of the whole, so that two long texts stay two.
func Cut(s string, limit int) string {
	if len(s) <= limit {
		return Repair(s)
	}
	head := s
	if len(head) > limit*utf8.UTFMax {
		head = head[:limit*utf8.UTFMax]
	}
	repaired := Repair(head)
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
