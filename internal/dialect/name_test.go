package dialect

import "testing"

func TestTableNames(t *testing.T) {
	for dotted, want := range map[string]string{"a": `"a"`, "s.a": `"s"."a"`, "s.a.b": `"s"."a.b"`, `s".a`: `"s"""."a"`} {
		if got := ParseTable(dotted); !ValidTable(dotted) || got.Quoted(Postgres) != want || got.Dotted() != dotted {
			t.Errorf("%s is %s", dotted, got.Quoted(Postgres))
		}
	}
	for _, dotted := range []string{"", ".", "a.", ".a", "a\x00", "s\x00.a"} {
		if ValidTable(dotted) {
			t.Errorf("%q is taken for a name", dotted)
		}
	}
	if got := List(MySQL, "t.", []string{"a", "b`"}); got != "t.`a`, t.`b```" {
		t.Errorf("list is %s", got)
	}
}
