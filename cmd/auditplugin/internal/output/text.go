// Package output writes what commands found: as a table for people, or as JSON, NDJSON
// or CSV for programs.
package output

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Visible escapes what does not print: control characters, line breaks, and characters
// that change the direction of text, so that no value can speak to a terminal or forge
// a line.
func Visible(s string) string {
	if utf8.ValidString(s) && strings.IndexFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) < 0 {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if unicode.IsPrint(r) {
			b.WriteRune(r)
			continue
		}
		b.WriteString(strings.Trim(strconv.QuoteRune(r), "'"))
	}
	return b.String()
}

// Value shows a value of a record on one line: texts as they are, NULL by its name, and
// everything else as JSON. Texts that could be taken for something else are quoted.
func Value(v any) string {
	switch x := v.(type) {
	case nil:
		return "NULL"
	case string:
		if x == "" || x == "NULL" || strings.TrimSpace(x) != x {
			return strconv.Quote(x)
		}
		return Visible(x)
	case map[string]any:
		if n, ok := x["bytes"]; ok && x["truncated"] == true {
			return fmt.Sprintf("(%v bytes)", n)
		}
	}
	text, err := json.Marshal(v)
	if err != nil {
		return Visible(fmt.Sprint(v))
	}
	return Visible(string(text))
}

// Cut shortens a text to n characters, of which the last one says so.
func Cut(s string, n int) string {
	if n < 1 || utf8.RuneCountInString(s) <= n {
		return s
	}
	return string([]rune(s)[:n-1]) + "…"
}

// formula tells whether a spreadsheet would take a cell for a formula.
func formula(s string) bool {
	if s == "" || !strings.ContainsRune("=+-@\t\r", rune(s[0])) {
		return false
	}
	_, err := strconv.ParseFloat(s, 64)
	return err != nil
}

// Count is a number of things: 1 record, 2 records.
func Count(n int64, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return strconv.FormatInt(n, 10) + " " + thing + "s"
}
