package output

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	yamlreader "github.com/goccy/go-yaml"
)

// A reader of YAML finds what a reader of JSON finds, to the last digit.
func TestYAMLIsTheJSON(t *testing.T) {
	for _, v := range []any{
		nil, true, false, "", "a", "yes", "No", "null", "~", "12", "1_000", "0x1f", "1e3", "2026-10-01", "=", "- a", "a: b", "a #b", "#a", "'", `"`, "a\nb", " a", "a ",
		"\x1b]0;pwned\x07", "\u202eb", "日本語", "😀", "{", "[", "&a", "*a", "!a", "%a", "@a", "`a", "|", ">", ".inf", ".nan", "NaN", "Infinity", "\x7f", "\u2028", "\U000e0001",
		[]any{},
		map[string]any{},
		[]any{[]any{[]any{"a", "b"}, map[string]any{"c": nil}}, map[string]any{}, "x"},
		map[string]any{"a b": map[string]any{"yes": []any{map[string]any{"k": "v", "l": []any{}}, "w"}}, "": "", "\n": 1.5, "12": true},
	} {
		plain, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		text, err := yaml(plain)
		if err != nil {
			t.Fatal(err)
		}
		var read any
		if err := yamlreader.Unmarshal([]byte(text), &read); err != nil {
			t.Errorf("%s: %v\n%s", plain, err, text)
			continue
		}
		back, err := json.Marshal(read)
		if err != nil {
			t.Fatal(err)
		}
		var want, got any
		if err := json.Unmarshal(plain, &want); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(back, &got); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: read %s\n%s", plain, back, text)
		}
		if strings.ContainsAny(text, "\x1b\x07\u202e\x7f\u2028") {
			t.Errorf("%q speaks to a terminal", text)
		}
	}
	if text, err := yaml([]byte(`{"b":9007199254740993,"a":[0.1234567890123456789,{"c":-0}]}`)); err != nil || text != "b: 9007199254740993\na:\n  - 0.1234567890123456789\n  - c: -0\n" {
		t.Errorf("%q, %v", text, err)
	}
}

// A list is one, however many items it has.
func TestYAMLList(t *testing.T) {
	for want, items := range map[string][]map[string]any{
		"[]\n": nil, "- a: 1\n": {{"a": 1}}, "- a: 1\n- a: x\n": {{"a": 1}, {"a": "x"}},
	} {
		var b bytes.Buffer
		if _, err := List(&Printer{Out: &b, Format: YAML}, nil, Items(items)); err != nil || b.String() != want {
			t.Errorf("%q, want %q; %v", b.String(), want, err)
		}
	}
}
