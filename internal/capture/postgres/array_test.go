package postgres

import (
	"errors"
	"reflect"
	"strings"
	"testing"
)

// pgArray writes texts as PostgreSQL's array_out does.
func pgArray(fields []any) string {
	parts := make([]string, len(fields))
	for i, f := range fields {
		text, ok := f.(string)
		switch {
		case !ok:
			parts[i] = "NULL"
		case text == "" || strings.EqualFold(text, "NULL") || strings.ContainsAny(text, "{}\",\\ \t\n\r\v\f"):
			parts[i] = `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text) + `"`
		default:
			parts[i] = text
		}
	}
	return "{" + strings.Join(parts, ",") + "}"
}

func TestParseArray(t *testing.T) {
	for _, c := range []struct {
		text string
		want []any
	}{
		{`{}`, nil},
		{`{a,b}`, []any{"a", "b"}},
		{`{NULL,"NULL",null}`, []any{nil, "NULL", "null"}},
		{`{"","a b"}`, []any{"", "a b"}},
		{`{"say \"hi\"","back\\slash","{brace,comma}"}`, []any{`say "hi"`, `back\slash`, `{brace,comma}`}},
		{"{\"two\nlines\",é}", []any{"two\nlines", "é"}},
	} {
		if got, err := parseArray(c.text); err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %q, %v, want %q", c.text, got, err, c.want)
		}
	}
	for _, text := range []string{``, `{`, `}`, `a`, `{a`, `a}`, `{"a}`, `{"a"b}`, `{"a\}`, `[0:0]={a}`} {
		if got, err := parseArray(text); !errors.Is(err, errArray) {
			t.Errorf("%s: %q, %v, want an error", text, got, err)
		}
	}
}

// FuzzParseArray reads back what PostgreSQL would write.
func FuzzParseArray(f *testing.F) {
	f.Add("a", "", false, "{a,NULL}")
	f.Add(`"`, `\`, true, `{"a\"b",c}`)
	f.Add("NULL", "null", true, `{"`)
	f.Add("{,}", "\n\t ", false, `{a,}`)
	f.Fuzz(func(t *testing.T, a, b string, null bool, text string) {
		fields := []any{a, b, a + b}
		if null {
			fields[1] = nil
		}
		if got, err := parseArray(pgArray(fields)); err != nil || !reflect.DeepEqual(got, fields) {
			t.Errorf("%q came back as %q, %v", fields, got, err)
		}
		// Anything else is an error or means something that can be written again.
		if got, err := parseArray(text); err == nil {
			if again, err := parseArray(pgArray(got)); err != nil || !reflect.DeepEqual(again, got) {
				t.Errorf("%q was read as %q, written again as %q, %v", text, got, again, err)
			}
		}
	})
}
