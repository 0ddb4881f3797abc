package ecslog

import (
	"encoding/binary"
	"math/bits"
	"strconv"
	"strings"
	"unicode/utf8"
)

const hexDigits = "0123456789abcdef"

// plainPrefix returns how many bytes at the start of s are printable ASCII that
// JSON takes as they are. Eight bytes are looked at together, since nearly all
// strings in a log are plain from end to end.
func plainPrefix(s string) int {
	const (
		ones  = 0x0101010101010101
		highs = 0x8080808080808080
	)
	i := 0
	for ; i+8 <= len(s); i += 8 {
		w := binary.LittleEndian.Uint64([]byte(s[i : i+8]))
		quote := w ^ (ones * '"')
		slash := w ^ (ones * '\\')
		// A byte's high bit is set where it is below 0x20, equal to a quote or a
		// backslash, or not ASCII. A borrow can only mark bytes above a real hit.
		bad := ((w - ones*0x20) | (quote - ones) | (slash - ones) | w) & highs
		if bad != 0 {
			return i + bits.TrailingZeros64(bad)/8
		}
	}
	for ; i < len(s); i++ {
		if b := s[i]; b < 0x20 || b >= utf8.RuneSelf || b == '"' || b == '\\' {
			return i
		}
	}
	return i
}

// appendString appends s as a JSON string, invalid UTF-8 as U+FFFD.
func appendString(buf []byte, s string) []byte {
	buf = append(buf, '"')
	buf = appendEscaped(buf, s)
	return append(buf, '"')
}

func appendEscaped(buf []byte, s string) []byte {
	for {
		n := plainPrefix(s)
		buf = append(buf, s[:n]...)
		if n == len(s) {
			return buf
		}
		s = s[n:]
		switch b := s[0]; {
		case b == '"' || b == '\\':
			buf, s = append(buf, '\\', b), s[1:]
		case b == '\n':
			buf, s = append(buf, '\\', 'n'), s[1:]
		case b == '\r':
			buf, s = append(buf, '\\', 'r'), s[1:]
		case b == '\t':
			buf, s = append(buf, '\\', 't'), s[1:]
		case b < utf8.RuneSelf:
			buf, s = append(buf, '\\', 'u', '0', '0', hexDigits[b>>4], hexDigits[b&15]), s[1:]
		default:
			r, size := utf8.DecodeRuneInString(s)
			switch {
			case r == utf8.RuneError && size == 1:
				buf = append(buf, `\ufffd`...)
			case r == '\u2028' || r == '\u2029' || r == '\u0085':
				// Line ends to some viewers: raw, they could pass for a new line.
				buf = append(buf, '\\', 'u', hexDigits[r>>12&15], hexDigits[r>>8&15], hexDigits[r>>4&15], hexDigits[r&15])
			default:
				buf = append(buf, s[:size]...)
			}
			s = s[size:]
		}
	}
}

// cut returns s, or, when it is longer than limit bytes, its beginning and a mark
// that gives its size.
func cut(s string, limit int) string {
	if limit < 0 || len(s) <= limit {
		return s
	}
	n := limit
	for n > 0 && limit-n < utf8.UTFMax && !utf8.RuneStart(s[n]) {
		n--
	}
	var b strings.Builder
	b.WriteString(s[:n])
	b.WriteString("… (cut, ")
	b.WriteString(strconv.Itoa(len(s)))
	b.WriteString(" bytes)")
	return b.String()
}

// isPlainKey reports whether key can be written between quotes as it is and is
// one name, not a path.
func isPlainKey(key string) bool {
	for i := range len(key) {
		if b := key[i]; b < 0x20 || b >= utf8.RuneSelf || b == '"' || b == '\\' || b == '.' {
			return false
		}
	}
	return key != ""
}
