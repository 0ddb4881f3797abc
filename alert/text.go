package alert

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

const (
	// valueLimit is how many characters of a value a message shows.
	valueLimit = 120
	// nameLimit is how many characters of a name, a reason or an id it shows.
	nameLimit = 200
	// subjectLimit and textLimit bound what templates write, in characters.
	subjectLimit = 200
	textLimit    = 4000
)

// oneLine returns s as valid text without anything that starts a line, moves the
// cursor, or turns the reading direction: text from outside must not look like
// text of ours.
func oneLine(s string) string {
	if strings.IndexFunc(s, unsafe) < 0 && utf8.ValidString(s) {
		return s
	}
	return strings.Map(func(r rune) rune {
		switch {
		case directional(r):
			return -1
		case unsafe(r):
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
}

// lines is oneLine for texts that may have several.
func lines(s string) string {
	parts := strings.Split(strings.ReplaceAll(s, "\r\n", "\n"), "\n")
	for i, p := range parts {
		parts[i] = strings.TrimRight(oneLine(p), " ")
	}
	return strings.Trim(strings.Join(parts, "\n"), "\n")
}

func unsafe(r rune) bool {
	return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' || directional(r)
}

// directional characters are invisible and change how what follows is read.
func directional(r rune) bool {
	return unicode.Is(unicode.Bidi_Control, r) || r == '\uFEFF' || r == '\u200B' || r == '\u2060'
}

// clip cuts s to limit characters.
func clip(s string, limit int) string {
	if len(s) <= limit || utf8.RuneCountInString(s) <= limit {
		return s
	}
	n := 0
	for i := range s {
		if n == limit-1 {
			return s[:i] + "…"
		}
		n++
	}
	return s
}

// quoted returns text from outside such that it cannot be taken for the words
// around it: in quotation marks if it holds what those are separated by.
func quoted(s string, limit int) string {
	s = clip(strings.TrimSpace(oneLine(s)), limit)
	if strings.ContainsAny(s, ";→()“”\"") || strings.Contains(s, ": ") || strings.Contains(s, "->") {
		return "“" + strings.NewReplacer("“", "'", "”", "'").Replace(s) + "”"
	}
	return s
}

// shown is a column value in words.
func shown(v any) (text string) {
	// Records that come straight from the plugin may have values of any type in
	// their metadata.
	defer func() {
		if recover() != nil {
			text = fmt.Sprintf("a %T", v)
		}
	}()
	switch v := v.(type) {
	case nil:
		return "empty"
	case bool:
		if v {
			return "yes"
		}
		return "no"
	case string:
		if strings.TrimSpace(v) == "" {
			return "empty"
		}
		return quoted(v, valueLimit)
	case []byte:
		return fmt.Sprintf("%d bytes", len(v))
	case time.Time:
		return v.UTC().Format(time.RFC3339)
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case json.Number:
		return clip(oneLine(v.String()), valueLimit)
	case map[string]any, []any:
		d := document{limit: 4 * valueLimit}
		d.value(v)
		return clip(oneLine(d.b.String()), valueLimit)
	}
	switch kind := reflect.ValueOf(v).Kind(); {
	case kind <= reflect.Complex128 || kind == reflect.String:
		return quoted(fmt.Sprint(v), valueLimit)
	}
	return fmt.Sprintf("a %T", v)
}

// document writes a JSON document until there is enough of it: one that contains
// itself, or the same parts over and over, has no end.
type document struct {
	b     strings.Builder
	limit int
}

func (d *document) value(v any) {
	if d.b.Len() > d.limit {
		return
	}
	switch v := v.(type) {
	case map[string]any:
		d.b.WriteByte('{')
		for i, k := range slices.Sorted(maps.Keys(v)) {
			if i > 0 {
				d.b.WriteByte(',')
			}
			if d.b.Len() > d.limit {
				return
			}
			d.b.WriteString(strconv.Quote(clip(k, nameLimit)) + ":")
			d.value(v[k])
		}
		d.b.WriteByte('}')
	case []any:
		d.b.WriteByte('[')
		for i, e := range v {
			if i > 0 {
				d.b.WriteByte(',')
			}
			if d.b.Len() > d.limit {
				return
			}
			d.value(e)
		}
		d.b.WriteByte(']')
	case string:
		d.b.WriteString(`"` + strings.ReplaceAll(clip(v, valueLimit), `"`, `\"`) + `"`)
	case nil:
		d.b.WriteString("null")
	default:
		d.b.WriteString(shown(v))
	}
}

// initialisms are written in capitals in a label made from a column's name.
func initialism(word string) bool {
	switch word {
	case "id", "mfa", "ip", "url", "uri", "api", "iban", "bic", "vat", "sms", "pin", "sso", "totp", "2fa", "uuid", "ssn", "dob", "html", "json", "sql":
		return true
	}
	return false
}

// words makes a label of a name: "mfa_phone" is "MFA phone", "address.city" is
// "address city".
func words(name string) string {
	parts := strings.FieldsFunc(name, func(r rune) bool { return r == '_' || r == '.' || r == '-' || unicode.IsSpace(r) })
	for i, p := range parts {
		if initialism(strings.ToLower(p)) {
			parts[i] = strings.ToUpper(p)
		}
	}
	if len(parts) == 0 {
		return name
	}
	return oneLine(strings.Join(parts, " "))
}

// capital makes the first letter of s a capital.
func capital(s string) string {
	r, size := utf8.DecodeRuneInString(s)
	return string(unicode.ToUpper(r)) + s[size:]
}
