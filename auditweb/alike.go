package auditweb

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// spelled is text in which each space is seen.
func spelled(text string) string {
	var b strings.Builder
	for _, r := range strings.ToValidUTF8(text, "\uFFFD") {
		switch {
		case r == ' ':
			b.WriteRune('␣')
		case faint(r):
			b.WriteString(escape(r))
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// outerSpelled is text whose spaces before and behind are seen.
func outerSpelled(text string) string {
	left := strings.TrimLeftFunc(text, unicode.IsSpace)
	middle := strings.TrimRightFunc(left, unicode.IsSpace)
	before, behind := text[:len(text)-len(left)], left[len(middle):]
	if strings.ContainsRune(behind, '\n') { // line breaks are seen anyway
		return spelled(before) + lines(middle+behind)
	}
	return spelled(before) + lines(middle) + spelled(behind)
}

// faint are the characters that a text looks the same without, or nearly so.
func faint(r rune) bool {
	if r > ' ' && r <= '~' {
		return false
	}
	return unicode.IsSpace(r) || strange(r) || isVariation(r) || r == '\u034F' || unicode.Is(unicode.Z, r)
}

// onlySpaces reports whether texts differ in nothing but white space and what has no
// width.
func onlySpaces(from, to string) bool {
	if from == to {
		return false
	}
	for {
		from, to = strings.TrimLeftFunc(from, faint), strings.TrimLeftFunc(to, faint)
		if from == "" || to == "" {
			return from == to
		}
		a, n := utf8.DecodeRuneInString(from)
		b, m := utf8.DecodeRuneInString(to)
		if a != b {
			return false
		}
		from, to = from[n:], to[m:]
	}
}

// onlyAccents reports whether one text has accents as characters of their own where the
// other has them in its letters, which looks the same.
func onlyAccents(from, to string) bool {
	return accented(from) != accented(to) && plain(from) == plain(to)
}

func isAccent(r rune) bool { return r >= 0x0300 && r <= 0x036F }

func accented(text string) bool { return strings.ContainsFunc(text, isAccent) }

// plain is text without the letters that have accents.
func plain(text string) string {
	var kept []rune
	for _, r := range text {
		switch {
		case isAccent(r):
			if n := len(kept); n > 0 && unicode.IsLetter(kept[n-1]) {
				kept = kept[:n-1]
			}
		case r <= '~' || !unicode.Is(unicode.Latin, r):
			kept = append(kept, r)
		}
	}
	return string(kept)
}

// numbered writes all but plain characters as their numbers.
func numbered(text string) string {
	var b strings.Builder
	for _, r := range text {
		if r < ' ' || r > '~' {
			b.WriteString(escape(r))
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

// tellApart changes two sides that differ, and would look the same. What they differ in
// is said where it is not plain to see.
func tellApart(from, to *value) (note string) {
	a, text := from.raw.(string)
	b, also := to.raw.(string)
	switch {
	case from.Kind == "text" && to.Kind == "text" && text && also:
		switch {
		case onlySpaces(a, b):
			*from, *to = folded("text", spelled(a)), folded("text", spelled(b))
			note = "only white space is different"
		case onlyAccents(a, b):
			*from, *to = folded("text", numbered(a)), folded("text", numbered(b))
			note = "written with other characters that look the same"
		case from.Text == to.Text && a != b:
			*from, *to = folded("text", visible(strconv.Quote(a))), folded("text", visible(strconv.Quote(b)))
		}
	case from.Text != to.Text || from.same(*to):
	case from.Kind == "time" && to.Kind == "time":
		from.Text, to.Text = from.Title, to.Title
	case from.raw != nil && to.raw != nil:
		*from, *to = document(from.raw), document(to.raw)
	}
	return note
}
