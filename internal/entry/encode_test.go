package entry

import (
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/gorm-audit/auditplugin/audit"
)

type status string

type point struct{ X, Y int }

func encodeValue(v any) string {
	var e Encoder
	text, _ := e.Value(v, MaxImage)
	return text
}

func TestEncodeValue(t *testing.T) {
	shared := map[string]any{"n": 1}
	cycle := []any{nil}
	cycle[0] = cycle
	for name, c := range map[string]struct {
		value any
		want  string
	}{
		"nil":             {nil, `null`},
		"integers":        {[]any{int64(math.MinInt64), uint64(math.MaxUint64), 7, int8(-1)}, `[-9223372036854775808,18446744073709551615,7,-1]`},
		"floats":          {[]any{1.0, 0.1, float32(0.1), 1e21, 1e-7, math.NaN(), math.Inf(1), math.Inf(-1)}, `[1,0.1,0.1,1e+21,1e-07,"NaN","+Inf","-Inf"]`},
		"numbers":         {[]any{json.Number("1.50"), json.Number("-0"), json.Number("1e999"), json.Number("1e-999"), json.Number("x"), json.Number("")}, `[1.50,-0,"1e999","1e-999","x",""]`},
		"bytes":           {[]any{[]byte{0, 255}, []byte(nil)}, `["AP8=",null]`},
		"time":            {time.Date(2024, 1, 2, 3, 4, 5, 6, time.FixedZone("", 3600)), `"2024-01-02T02:04:05.000000006Z"`},
		"text":            {"\"\\/\b\n\r\t\x7fæ\u2028<&>", `"\"\\/\u0008\n\r\t` + "\x7fæ" + `\u2028<&>"`},
		"broken text":     {"a\x00\xffb\xed\xa0\x80", "\"a\uFFFD\uFFFDb\uFFFD\uFFFD\uFFFD\""},
		"sorted keys":     {map[string]any{"b": 1, "a": []any{}, "c": map[string]any{}}, `{"a":[],"b":1,"c":{}}`},
		"shared, no loop": {[]any{shared, shared}, `[{"n":1},{"n":1}]`},
		"cycle":           {cycle, `["<cycle>"]`},
		"other types":     {[]any{status("on"), point{1, 2}, &point{3, 4}, []int{5}, true}, `["on",{"X":1,"Y":2},{"X":3,"Y":4},[5],true]`},
		"error":           {errors.New("failed"), `"failed"`},
		"no form":         {[]any{make(chan int), json.RawMessage("{")}, `["<chan int without a JSON form>","<json.RawMessage without a JSON form>"]`},
		"raw":             {json.RawMessage(`{"a":"\u0000\ud800","n":1e999}`), "{\"a\":\"\uFFFD\uFFFD\",\"n\":\"1e999\"}"},
	} {
		if got := encodeValue(c.value); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// Two keys that differ only in broken bytes must not become one.
func TestEncodeKeepsBrokenKeysApart(t *testing.T) {
	var got map[string]any
	if err := json.Unmarshal([]byte(encodeValue(map[string]any{"k\xff": 1, "k\xfe": 2, "k\x00": 3})), &got); err != nil {
		t.Fatal(err)
	}
	if len(got) != 3 {
		t.Errorf("%d keys of 3 are left: %v", len(got), got)
	}
}

func TestEncodeDepth(t *testing.T) {
	v := any("bottom")
	for range 100 {
		v = []any{v}
	}
	got := encodeValue(v)
	if depth := strings.Index(got, `"`); depth != maxDepth {
		t.Errorf("%d containers before the text, want %d", depth, maxDepth)
	}
	var document any
	if err := json.Unmarshal([]byte(got), &document); err != nil {
		t.Fatal(err)
	}
	for range maxDepth {
		document = document.([]any)[0]
	}
	if want := strings.Repeat("[", 76) + `"bottom"` + strings.Repeat("]", 76); document != want {
		t.Errorf("the rest is %v, want %s", document, want)
	}
}

func TestEncodeObjectLimit(t *testing.T) {
	var e Encoder
	long := strings.Repeat("x", 5000)
	m := map[string]any{"bytes": []byte(long), "document": []any{long}, "short": "kept", "text": long}
	got := e.Object(m, 2000)
	var read map[string]any
	if err := json.Unmarshal([]byte(got), &read); err != nil {
		t.Fatalf("%v: %s", err, got)
	}
	if len(got) > 2000 || read["short"] != "kept" {
		t.Errorf("%d bytes: %s", len(got), got)
	}
	text, _ := read["text"].(map[string]any)
	if text["truncated"] != true || text["bytes"] != 5000.0 || len(text["sha256"].(string)) != 64 {
		t.Errorf("a long text became %v", read["text"])
	}
	if document, _ := read["document"].(map[string]any); document["truncated"] != true {
		t.Errorf("a long document became %v", read["document"])
	}
	if got, want := e.Object(m, 50), `{"<truncated>":{"truncated":true,"keys":4}}`; got != want {
		t.Errorf("with no room: %s, want %s", got, want)
	}
}

func TestEncodeChangesLimit(t *testing.T) {
	var e Encoder
	long := strings.Repeat("x", 5000)
	changes := []audit.Change{{Path: "a", From: long, To: 1}, {Path: long, From: nil, To: "b"}}
	got := e.Changes(changes, 1500)
	var read []audit.Change
	if err := json.Unmarshal([]byte(got), &read); err != nil {
		t.Fatalf("%v: %s", err, got)
	}
	if len(got) > 1500 || read[0].To != 1.0 || read[1].To != "b" || !strings.HasPrefix(read[1].Path, "xxx") {
		t.Errorf("%s", got)
	}
	if got, want := e.Changes(changes, 50), `[{"path":"<truncated>","from":null,"to":null}]`; got != want {
		t.Errorf("with no room: %s, want %s", got, want)
	}
}

func TestCut(t *testing.T) {
	for _, s := range []string{"", "short", strings.Repeat("x", 30), strings.Repeat("æ", 30)} {
		if got := Cut(s, 30); got != s {
			t.Errorf("Cut(%q) is %q", s, got)
		}
	}
	for _, s := range []string{strings.Repeat("x", 31), strings.Repeat("😀", 31), strings.Repeat("\xff", 200), strings.Repeat("a\xff", 100)} {
		got := Cut(s, 30)
		if n := utf8.RuneCountInString(got); n > 30 || !utf8.ValidString(got) || !strings.Contains(got, "…#") {
			t.Errorf("Cut(%q) is %q, %d characters", s, got, n)
		}
		if got == Cut(s+"x", 30) {
			t.Errorf("Cut(%q) does not tell it from a longer one", s)
		}
	}
}

func FuzzEncodeString(f *testing.F) {
	for _, s := range []string{"", "a", "\x00", "\xff\u2028\"", "\\u0000", "\xed\xa0\x80"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		encoded := encodeValue(s)
		var got string
		if err := json.Unmarshal([]byte(encoded), &got); err != nil {
			t.Fatalf("%q: %v", encoded, err)
		}
		if strings.ContainsAny(encoded, "\x00\n\r\u2028\u2029") || !utf8.ValidString(encoded) {
			t.Fatalf("%q is not one clean line", encoded)
		}
		if utf8.ValidString(s) && !strings.Contains(s, "\x00") && got != s {
			t.Fatalf("%q became %q", s, got)
		}
	})
}
