package condition

import (
	"encoding/base64"
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gorm-audit/auditplugin/emitter"
)

// JSON writes a canonical value as the emitter writes it into an image.
func JSON(v any) (string, error) {
	var out strings.Builder
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	if err := e.Encode(Form(v)); err != nil {
		return "", err //nolint:wrapcheck // the caller says what could not be encoded
	}
	return strings.TrimSuffix(out.String(), "\n"), nil
}

// Form is a canonical value as JSON has it: it replaces what JSON has no form for by the texts that stand for it.
func Form(v any) any {
	switch x := v.(type) {
	case string:
		return emitter.StoredText("", x) // repaired, of any length
	case []byte:
		return base64.StdEncoding.EncodeToString(x)
	case time.Time:
		return x.UTC().Format(time.RFC3339Nano)
	case float64:
		switch {
		case math.IsNaN(x):
			return "NaN"
		case math.IsInf(x, 1):
			return "+Inf"
		case math.IsInf(x, -1):
			return "-Inf"
		}
	case map[string]any:
		m := make(map[string]any, len(x))
		for k, e := range x {
			m[emitter.StoredText("", k)] = Form(e)
		}
		return m
	case []any:
		s := make([]any, len(x))
		for i, e := range x {
			s[i] = Form(e)
		}
		return s
	}
	return v
}

// Unquote is the text that JSON has, or what is none as it is.
func Unquote(text string) string {
	var s string
	if json.Unmarshal([]byte(text), &s) != nil {
		return text
	}
	return s
}

// Quote writes a text as JSON.
func Quote(s string) string {
	text, err := JSON(s)
	if err != nil {
		return "?"
	}
	return text
}

// plain is a name as JSON, and whether it stands there as it is. Others may have been
// escaped in several ways.
func plain(name string) (text string, is bool) {
	text = Quote(name)
	return text, text == `"`+name+`"`
}

// maxReadings bounds how many ways there are to read a path's digits.
const maxReadings = 8

// jsonPath is a path in the databases' JSON path language, and those of the lists
// that it goes through.
type jsonPath struct {
	text  string
	lists []string
}

// jsonPaths writes elements as JSON paths. An element of digits may be a list's
// index or an object's key, so that there may be several.
func jsonPaths(elements []string) []jsonPath {
	paths := []jsonPath{{}}
	for _, e := range elements {
		index, err := strconv.Atoi(e)
		isIndex := err == nil && strconv.Itoa(index) == e && index >= 0
		var next []jsonPath
		for _, p := range paths {
			if isIndex {
				next = append(next, jsonPath{p.text + "[" + e + "]", append(slices.Clip(p.lists), p.text)})
			}
			if !isIndex || 2*len(paths) <= maxReadings {
				next = append(next, jsonPath{p.text + "." + Quote(e), p.lists})
			}
		}
		paths = next
	}
	return paths
}
