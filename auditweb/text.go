package auditweb

import (
	"fmt"
	"strings"
	"unicode"
)

// visible is text that cannot pretend: what is no character that people see, or turns
// the direction of text, is written as an escape.
func visible(text string) string { return escaped(text, false) }

// lines is visible with its line breaks kept.
func lines(text string) string { return escaped(text, true) }

func escaped(text string, breaks bool) string {
	text = strings.ToValidUTF8(text, "\uFFFD")
	if !strings.ContainsFunc(text, func(r rune) bool { return strange(r) }) {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		switch {
		case r == '\n' && breaks:
			b.WriteString("↵\n")
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case strange(r):
			fmt.Fprintf(&b, `\u%04X`, r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// strange are control and format characters: among them those of bidirectional text,
// and spaces without width.
func strange(r rune) bool {
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Co)
}

// words turns a name of the database into words: "mfa_phone" is "mfa phone".
func words(name string) string {
	return strings.TrimSpace(strings.ReplaceAll(visible(name), "_", " "))
}

// listed puts words into a sentence: "a, b and c".
func listed(all []string) string {
	switch n := len(all); n {
	case 0:
		return ""
	case 1:
		return all[0]
	default:
		return strings.Join(all[:n-1], ", ") + " and " + all[n-1]
	}
}
