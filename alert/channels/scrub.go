package channels

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// scrubber takes the parts of a channel's URL out of texts.
type scrubber []string

// newScrubber remembers every part of the URL that could be a secret: services put
// theirs into the user, the host, the path or a parameter, and put it together anew
// in their own URLs.
func newScrubber(rawURL string) scrubber {
	_, rest, _ := strings.Cut(rawURL, ":")
	parts := []string{rawURL}
	for _, text := range []string{rest, unescaped(rest)} {
		parts = append(parts, strings.FieldsFunc(text, func(r rune) bool {
			return strings.ContainsRune("/:@?&=#,;", r) || unicode.IsSpace(r)
		})...)
		parts = append(parts, strings.FieldsFunc(text, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })...)
	}
	// Short parts and the words of every URL tell nothing.
	parts = slices.DeleteFunc(parts, func(p string) bool {
		return len(p) < 4 || slices.Contains([]string{"http", "https", "json", "true", "false", "title", "template", "message", "webhook", "channel", "hook", "localhost"}, strings.ToLower(p))
	})
	// The longest first, or what is left of it would tell.
	slices.SortFunc(parts, func(a, b string) int { return len(b) - len(a) })
	return slices.Compact(parts)
}

func unescaped(text string) string {
	out, err := url.QueryUnescape(text)
	if err != nil {
		return ""
	}
	return out
}

// text is what err says, on one line, without the parts.
func (s scrubber) text(err error) string {
	text := strings.Join(strings.Fields(err.Error()), " ")
	for _, part := range s {
		for _, form := range []string{part, url.QueryEscape(part), url.PathEscape(part)} {
			// Hosts appear in small letters.
			text = regexp.MustCompile("(?i)"+regexp.QuoteMeta(form)).ReplaceAllLiteralString(text, "…")
		}
	}
	for strings.Contains(text, "……") {
		text = strings.ReplaceAll(text, "……", "…")
	}
	if len(text) > 500 {
		text = strings.ToValidUTF8(text[:500], "") + "…"
	}
	return text
}
