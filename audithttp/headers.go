package audithttp

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// clean makes header text fit to be stored and printed: valid UTF-8, no control,
// line-separating or direction-changing characters, no surrounding space, at most
// limit bytes and no character cut in half.
func clean(s string, limit int) string {
	// A bound first, so that a huge header costs no more than a long one.
	if len(s) > 4*limit {
		s = s[:4*limit]
	}
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsControl(r), r == '\u2028', r == '\u2029':
			return ' '
		case unicode.Is(unicode.Bidi_Control, r):
			return -1
		}
		return r // invalid bytes arrive as U+FFFD
	}, s)
	s = strings.TrimSpace(s)
	if len(s) > limit {
		cut := limit
		for cut > 0 && !utf8.RuneStart(s[cut]) {
			cut--
		}
		s = strings.TrimSpace(s[:cut])
	}
	return s
}

// parseTraceparent reads the W3C header: version, trace id, parent id and flags in
// lower-case hexadecimal. Version 00 has nothing behind the flags, later ones may;
// ff, ids of zeros and a header sent twice are invalid.
func parseTraceparent(lines []string) (traceID, spanID string, ok bool) {
	if len(lines) != 1 {
		return "", "", false
	}
	const length = len("00-00000000000000000000000000000000-0000000000000000-00")
	s := strings.Trim(lines[0], " \t")
	if len(s) < length || s[2] != '-' || s[35] != '-' || s[52] != '-' {
		return "", "", false
	}
	version, traceID, spanID, flags := s[:2], s[3:35], s[36:52], s[53:55]
	if !isHex(version) || !isHex(traceID) || !isHex(spanID) || !isHex(flags) {
		return "", "", false
	}
	if version == "ff" || strings.Trim(traceID, "0") == "" || strings.Trim(spanID, "0") == "" {
		return "", "", false
	}
	if len(s) > length && (version == "00" || s[length] != '-') {
		return "", "", false
	}
	return traceID, spanID, true
}

func isHex(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}
