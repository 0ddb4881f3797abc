package auditweb

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// value is a value as pages show it. What it is, is told by words as well as by its look:
// NULL, an empty text and a value that is not there are three things.
type value struct {
	Kind string // text, number, yes, time, json, null, empty, absent, hidden
	Text string
	// Long values are folded behind their beginning.
	Short string
	Title string // what else there is to know
}

// longValue is how many characters are shown unfolded.
const longValue = 240

var recordedTime = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$`)

// valueOf says how a recorded value is shown.
func (h *Handler) valueOf(v any) value {
	switch x := v.(type) {
	case nil:
		return value{Kind: "null", Text: "nothing", Title: "NULL: no value"}
	case bool:
		if x {
			return value{Kind: "yes", Text: "yes", Title: "true"}
		}
		return value{Kind: "yes", Text: "no", Title: "false"}
	case string:
		return h.textValue(x)
	case json.Number:
		return value{Kind: "number", Text: visible(string(x))}
	case time.Time:
		return h.timeValue(x)
	case map[string]any:
		if text, ok := flat(x); ok {
			return folded("doc", text)
		}
		return folded("json", indented(x))
	case []any:
		return folded("json", indented(x))
	case []byte:
		return folded("text", fmt.Sprintf("%x", x))
	}
	return value{Kind: "number", Text: visible(fmt.Sprint(v))}
}

func (h *Handler) textValue(s string) value {
	if s == "" {
		return value{Kind: "empty", Text: "empty", Title: "a text without characters"}
	}
	if recordedTime.MatchString(s) {
		if t, err := time.Parse(time.RFC3339Nano, s); err == nil {
			return h.timeValue(t)
		}
	}
	if strings.TrimSpace(s) == "" {
		return value{Kind: "empty", Text: fmt.Sprintf("%d spaces", utf8.RuneCountInString(s)), Title: visible(fmt.Sprintf("%q", s))}
	}
	return folded("text", lines(s))
}

func (h *Handler) timeValue(t time.Time) value {
	layout := "2 Jan 2006 15:04:05"
	if utc := t.UTC(); utc.Equal(utc.Truncate(24 * time.Hour)) {
		return value{Kind: "time", Text: utc.Format("2 Jan 2006"), Title: t.Format(time.RFC3339Nano)}
	}
	return value{Kind: "time", Text: t.In(h.cfg.zone).Format(layout + " MST"), Title: t.Format(time.RFC3339Nano)}
}

func folded(kind, text string) value {
	v := value{Kind: kind, Text: text}
	if utf8.RuneCountInString(text) > longValue {
		v.Short = string([]rune(text)[:longValue]) + "…"
	}
	return v
}

// flat writes a small document without depth as words, a line for each key.
func flat(doc map[string]any) (string, bool) {
	if len(doc) == 0 || len(doc) > 8 {
		return "", false
	}
	all := make([]string, 0, len(doc))
	for _, key := range slices.Sorted(maps.Keys(doc)) {
		switch x := doc[key].(type) {
		case string:
			if x == "" {
				return "", false
			}
			all = append(all, words(key)+": "+visible(x))
		case json.Number, bool:
			all = append(all, words(key)+": "+visible(fmt.Sprint(x)))
		default:
			return "", false
		}
	}
	return strings.Join(all, "\n"), true
}

func indented(v any) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if e.Encode(v) != nil {
		return fmt.Sprint(v)
	}
	text := strings.TrimSpace(b.String())
	if one := strings.Join(strings.Fields(text), " "); len(one) < 60 {
		text = one
	}
	return lines2(text)
}

// lines2 keeps the line breaks of our own, and escapes all else.
func lines2(text string) string {
	parts := strings.Split(text, "\n")
	for i := range parts {
		parts[i] = visible(parts[i])
	}
	return strings.Join(parts, "\n")
}

// hiddenValue stands for a value that the records, or the viewer's rights, do not show.
func hiddenValue(why string, v any) value {
	switch why {
	case "masked":
		text := "hidden"
		if s, ok := v.(string); ok && len(s) > len("***") {
			text = "hidden, ends in " + visible(strings.TrimPrefix(s, "***"))
		}
		return value{Kind: "hidden", Text: text, Title: "masked when it was recorded"}
	case "hashed":
		text := "hashed"
		if s, ok := v.(string); ok {
			text = "hashed " + visible(shortened(strings.TrimPrefix(s, "hmac-sha256:"), 8))
		}
		return value{Kind: "hidden", Text: text, Title: "only a hash was recorded; the same hash is the same value"}
	case "large":
		return value{Kind: "hidden", Text: "too long to be recorded", Title: "only its length and hash are known"}
	case "erased":
		return value{Kind: "hidden", Text: "erased", Title: "taken out of the records later"}
	}
	return value{Kind: "hidden", Text: "hidden", Title: "you may not see values"}
}

func shortened(s string, n int) string {
	r := []rune(s)
	if len(r) <= n {
		return s
	}
	return string(r[:n]) + "…"
}
