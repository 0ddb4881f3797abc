package auditweb

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
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
	Whole string // link to all of it, where the page has no room for that
	raw   any    // texts and documents as they were recorded
}

// longValue and manyLines are how much of a value is shown unfolded.
const (
	longValue = 240
	manyLines = 8
)

// same reports whether two sides say the same.
func (v value) same(other value) bool {
	if v.Kind != other.Kind || v.Text != other.Text || v.Title != other.Title {
		return false
	}
	return v.raw == nil || other.raw == nil || reflect.DeepEqual(v.raw, other.raw)
}

// Beginning is the part of a long value that is shown.
func (v value) Beginning() value { return value{Kind: v.Kind, Text: v.Short, Title: v.Title} }

// All is the value, unfolded.
func (v value) All() value { return value{Kind: v.Kind, Text: v.Text} }

// Size is how long a folded value is.
func (v value) Size() string { return plural(utf8.RuneCountInString(v.Text), "character") }

// Parts is a document, cut so that the directions of its texts do not mix: a text from
// right to left would draw what is around it to its other side.
func (v value) Parts() []run {
	if v.Kind != "json" || !strings.ContainsFunc(v.Text, fromRight) {
		return []run{{Text: v.Text}}
	}
	var parts []run
	at := 0
	for _, m := range quoted.FindAllStringIndex(v.Text, -1) {
		if m[0] > at {
			parts = append(parts, run{Text: v.Text[at:m[0]]})
		}
		parts = append(parts, run{"text", v.Text[m[0]:m[1]]})
		at = m[1]
	}
	return append(parts, run{Text: v.Text[at:]})
}

var quoted = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)

// fromRight reports whether a character is of a script that is written from right to left.
func fromRight(r rune) bool {
	return unicode.In(r, unicode.Hebrew, unicode.Arabic, unicode.Syriac, unicode.Thaana, unicode.Nko, unicode.Samaritan, unicode.Mandaic, unicode.Adlam)
}

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
			doc := folded("doc", text)
			doc.raw = x
			return doc
		}
		return document(x)
	case []any:
		return document(x)
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
	if strings.Trim(s, " ") == "" {
		return value{Kind: "empty", Text: plural(len(s), "space"), Title: visible(fmt.Sprintf("%q", s))}
	}
	if strings.TrimSpace(s) == "" {
		blank := folded("empty", spelled(s))
		blank.Title = "nothing but white space"
		return blank
	}
	v := folded("text", outerSpelled(s))
	v.raw = s
	return v
}

func (h *Handler) timeValue(t time.Time) value {
	layout := "2 Jan 2006 15:04:05"
	_, offset := t.Zone()
	if utc := t.UTC(); offset == 0 && utc.Equal(utc.Truncate(24*time.Hour)) {
		return value{Kind: "time", Text: utc.Format("2 Jan 2006"), Title: t.Format(time.RFC3339Nano)}
	}
	return value{Kind: "time", Text: t.In(h.cfg.zone).Format(layout + " MST"), Title: t.Format(time.RFC3339Nano)}
}

func folded(kind, text string) value {
	v := value{Kind: kind, Text: text}
	begin := text
	if parts := strings.SplitN(text, "\n", manyLines+1); len(parts) > manyLines {
		begin = strings.Join(parts[:manyLines], "\n")
	}
	if begin = shortened(begin, longValue); begin != text {
		v.Short = strings.TrimSuffix(begin, "…") + "…"
	}
	return v
}

// name is what a field is called, which stands in a narrow column.
func name(text string) value {
	v := value{Kind: "name", Text: text}
	if begin := brief(text); begin != text {
		v.Short = begin
	}
	return v
}

// document is a document as JSON, which begins in one line where it is long.
func document(doc any) value {
	text := indented(doc)
	if one := oneLine(text); strings.Count(text, "\n") >= manyLines && len(one) <= longValue {
		text = one
	}
	v := folded("json", text)
	v.raw = doc
	if v.Short != "" {
		v.Short = strings.TrimSuffix(shortened(oneLine(shortened(v.Text, 40*longValue)), longValue), "…") + "…"
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
	if one := oneLine(text); len(one) < 60 {
		text = one
	}
	return lines2(text)
}

var indent = regexp.MustCompile(`\n *`)

// oneLine is a document without our line breaks; those of its texts are escaped.
func oneLine(text string) string { return indent.ReplaceAllString(text, " ") }

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
			// Before the hash stand its kind and the key's name, which others share.
			text = "hashed " + visible(shortened(s[strings.LastIndexByte(s, ':')+1:], 8))
		}
		return value{Kind: "hidden", Text: text, Title: "only a hash was recorded; the same hash is the same value"}
	case "large":
		return value{Kind: "hidden", Text: "too long to be recorded", Title: "only its length and hash are known"}
	case "erased":
		return value{Kind: "hidden", Text: "erased", Title: "taken out of the records later"}
	}
	return value{Kind: "hidden", Text: "hidden", Title: "you may not see values"}
}
