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

// mostMarks is how many marks may stand on a letter. Scripts need up to five; more of
// them are drawn over the lines around.
const mostMarks = 6

func escaped(text string, breaks bool) string {
	text = strings.ToValidUTF8(text, "\uFFFD")
	if !strings.ContainsFunc(text, func(r rune) bool { return strange(r) || r > '~' && unicode.Is(unicode.M, r) }) {
		return text
	}
	var b strings.Builder
	runes := []rune(text)
	marks, last := 0, rune(0) // last is the character before, 0 where none is that can bear a mark
	for i, r := range runes {
		next := rune(0)
		if i+1 < len(runes) {
			next = runes[i+1]
		}
		marks++
		if !unicode.Is(unicode.M, r) && !isJoiner(r) {
			marks = 0
		}
		switch {
		case r == '\n' && breaks:
			b.WriteString("↵\n")
			last = 0
		case isJoiner(r) && joins(r, last, next):
			b.WriteRune(r)
			last = r
		case strange(r), unicode.Is(unicode.M, r) && (last == 0 || marks > mostMarks || !bears(last, r)):
			b.WriteString(escape(r))
			last = 0
		default:
			b.WriteRune(r)
			last = r
		}
	}
	return b.String()
}

// escape writes a character as its number, or as people know it.
func escape(r rune) string {
	switch {
	case r == '\n':
		return `\n`
	case r == '\r':
		return `\r`
	case r == '\t':
		return `\t`
	case r > 0xFFFF:
		return fmt.Sprintf(`\U%08X`, r)
	}
	return fmt.Sprintf(`\u%04X`, r)
}

// strange are control and format characters: among them those of bidirectional text,
// and spaces without width, and letters that nobody sees.
func strange(r rune) bool {
	if r >= ' ' && r <= '~' { // most of what there is
		return false
	}
	switch r {
	case '\u115F', '\u1160', '\u3164', '\uFFA0': // fillers
		return true
	}
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Co)
}

const (
	nonJoiner = '\u200C'
	joiner    = '\u200D'
)

func isJoiner(r rune) bool { return r == joiner || r == nonJoiner }

// joins reports whether a joiner does what it is for: it makes one picture of several, or
// gives letters their form. Anywhere else nobody would see it.
func joins(r, last, next rune) bool {
	if r == joiner && unicode.Is(unicode.So, next) && (unicode.Is(unicode.So, last) || isVariation(last) || isTone(last)) {
		return true
	}
	return formed(last) && formed(next)
}

// formed reports whether a character is of a script whose letters have forms that joiners
// choose.
func formed(r rune) bool {
	return unicode.In(r, unicode.Arabic, unicode.Syriac, unicode.Mongolian, unicode.Devanagari, unicode.Bengali, unicode.Gurmukhi, unicode.Gujarati,
		unicode.Oriya, unicode.Tamil, unicode.Telugu, unicode.Kannada, unicode.Malayalam, unicode.Sinhala, unicode.Khmer)
}

func isVariation(r rune) bool { return unicode.Is(unicode.Variation_Selector, r) }

func isTone(r rune) bool { return r >= 0x1F3FB && r <= 0x1F3FF }

// bears reports whether a mark is seen on the character before it: variations of plain
// letters are not, and they could say anything.
func bears(last, mark rune) bool {
	if mark == '\u034F' {
		return false
	}
	return !isVariation(mark) || last == '#' || last == '*' || unicode.In(last, unicode.So, unicode.Sm, unicode.Po, unicode.Pd, unicode.Nd, unicode.Han, unicode.Mongolian)
}

// clings reports whether r belongs to the character before it, so that nothing may be cut
// or marked between them.
func clings(last, r rune) bool {
	return last == joiner || r > '~' && (unicode.Is(unicode.M, r) || isJoiner(r) || isTone(r))
}

// words turns a name of the database into words: "mfa_phone" is "mfa phone".
func words(name string) string {
	text := visible(name)
	if spaced := strings.TrimSpace(strings.ReplaceAll(text, "_", " ")); spaced != "" {
		return spaced
	}
	return spelled(text)
}

// named is a name or a key, with the spaces around it, which may be all there is.
func named(text string) string {
	left := strings.TrimLeftFunc(text, unicode.IsSpace)
	middle := strings.TrimRightFunc(left, unicode.IsSpace)
	return spelled(text[:len(text)-len(left)]) + visible(middle) + spelled(left[len(middle):])
}

// longName is how many characters of a name a sentence takes.
const longName = 80

// brief is a name that may be long. What it leaves out is on the page of the record.
func brief(name string) string { return shortened(name, longName) }

// shortened is the beginning of a text.
func shortened(s string, n int) string {
	if len(s) <= n {
		return s
	}
	r := []rune(s)
	if len(r) <= n {
		return s
	}
	for n > 1 && clings(r[n-1], r[n]) {
		n--
	}
	return string(r[:n]) + "…"
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
