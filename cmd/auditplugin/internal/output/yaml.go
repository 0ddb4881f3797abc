package output

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// plainText needs no quotes in YAML, unless a reader takes it for something else.
var plainText = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_./@-]*( [A-Za-z0-9_./@-]+)*$`)

// taken are the texts that a reader of YAML may take for a truth value or nothing.
var taken = []string{"true", "false", "yes", "no", "on", "off", "y", "n", "null"}

// yaml writes JSON as YAML, in the order and with the digits that it has. What stands in
// quotes is written as in JSON, which YAML reads, too; what does not print is escaped. A
// library rounds numbers to 64 bits and leaves control characters as they are.
func yaml(text []byte) (string, error) {
	in := json.NewDecoder(bytes.NewReader(text))
	in.UseNumber()
	var b strings.Builder
	if err := yamlValue(&b, in, ""); err != nil {
		return "", err
	}
	if _, err := in.Token(); !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("auditplugin: more than one JSON value")
	}
	return strings.TrimPrefix(b.String(), "\n") + "\n", nil
}

// yamlValue writes the next value behind a key, or a dash, that stands at indent: a space
// and the value, or lines of its own.
func yamlValue(b *strings.Builder, in *json.Decoder, indent string) error {
	token, err := in.Token()
	if err != nil {
		return err
	}
	switch v := token.(type) {
	case nil:
		b.WriteString(" null")
	case json.Delim:
		return yamlParts(b, in, v == '[', indent)
	case string:
		b.WriteString(" " + yamlText(v))
	default:
		fmt.Fprintf(b, " %v", v)
	}
	return nil
}

func yamlParts(b *strings.Builder, in *json.Decoder, list bool, indent string) error {
	if !in.More() {
		b.WriteString(map[bool]string{true: " []", false: " {}"}[list])
	}
	for in.More() {
		b.WriteString("\n" + indent)
		deeper := indent + "  "
		if !list {
			key, err := in.Token()
			if err != nil {
				return err
			}
			b.WriteString(yamlText(fmt.Sprint(key)) + ":")
			if err := yamlValue(b, in, deeper); err != nil {
				return err
			}
			continue
		}
		var item strings.Builder
		if err := yamlValue(&item, in, deeper); err != nil {
			return err
		}
		// What has lines of its own begins beside the dash.
		if rest, ok := strings.CutPrefix(item.String(), "\n"+deeper); ok {
			b.WriteString("- " + rest)
		} else {
			b.WriteString("-" + item.String())
		}
	}
	_, err := in.Token() // what ends it
	return err
}

func yamlText(s string) string {
	if plainText.MatchString(s) && !slices.Contains(taken, strings.ToLower(s)) {
		return s
	}
	quoted, err := encode(s)
	if err != nil {
		return `""`
	}
	var b strings.Builder
	for _, r := range string(quoted) {
		switch {
		case unicode.IsPrint(r):
			b.WriteRune(r)
		case r > 0xFFFF:
			fmt.Fprintf(&b, `\U%08X`, r)
		default:
			fmt.Fprintf(&b, `\u%04X`, r)
		}
	}
	return b.String()
}
