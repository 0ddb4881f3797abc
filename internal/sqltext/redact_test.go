package sqltext

import (
	"fmt"
	"strings"
	"testing"
)

func TestRedact(t *testing.T) {
	cases := []parseCase{
		{"spm", "", ""},
		{"spm", "  SELECT\n\t1  -- secret\n", "SELECT ?"},
		{"spm", "UPDATE t SET a = 'x''y', b = -1.5e-3, c = NULL, d = TRUE WHERE id = ?", "UPDATE t SET a = ?, b = -?, c = NULL, d = TRUE WHERE id = ?"},
		{"spm", "SELECT x'ab', X'CD', 0x1F, .5, 1e+9", "SELECT ?, ?, ?, ?, ?"},
		{"spm", "SELECT a1, t.b2/*secret*/FROM t /* c", "SELECT a1, t.b2 FROM t"},
		{"spm", "SET a = 'unended secret WHERE 1", "SET a = ?"},
		{"p", `SELECT "a 1", E'a\'secret', U&'\0061', B'01' FROM "T"`, `SELECT "a 1", ?, ?, ? FROM "T"`},
		{"p", "SELECT $1, $$a $1 b$$, $t$ $$ secret $t$, $u$ secret", "SELECT $1, ?, ?, ?"},
		{"p", "SELECT 'a'\n'secret', a::text, b[1:2], @ 3", "SELECT ?, a::text, b[?:?], @ ?"},
		{"p", "a 'x\\' b, secret ' c", "a ?"},
		{"p", "/* a /* secret */ secret */ SELECT 1", "SELECT ?"},
		{"m", `SELECT "secret", 'it\'s', _utf8'x', n'y' FROM ` + "`t 1`", "SELECT ?, ?"},
		{"m", `SELECT 'a\\b', _utf8'x', "y" FROM ` + "`t 1`", "SELECT ?, _utf8?, ? FROM `t 1`"},
		{"m", "CREATE USER 'a'@'b' IDENTIFIED BY 'secret'", "CREATE USER ?@? IDENTIFIED BY ?"},
		{"m", "SELECT 1 # secret\n, 2--1", "SELECT ? , ?- -?"},
		{"m", "/*!50001 UPDATE t SET a = 'x' */ WHERE b", "UPDATE t SET a = ? WHERE b"},
		// Without backslash escapes the first string ends before the comma.
		{"m", `SET a = 'x\', b = 'secret', c = 'y'`, "SET a = ?"},
		{"s", `INSERT INTO "t" ("a", b) VALUES ("secret", [c], ?1, :p, @q, $r)`, `INSERT INTO "t" ("a", b) VALUES (?, [c], ?1, :p, @q, $r)`},
		{"s", `UPDATE "t" SET "a" = "secret", "b" = f("x", "y") WHERE "c" = "secret"`, `UPDATE "t" SET "a" = ?, "b" = f(?, ?) WHERE ? = ?`},
		{"s", `SELECT u."a" AS "b" FROM "t" u WHERE a IS DISTINCT FROM "secret"`, `SELECT u."a" AS "b" FROM "t" u WHERE a IS DISTINCT FROM ?`},
		{"s", "SELECT [secret", "SELECT ?"},
		{"spm", "a \xff 'b'", "a \uFFFD ?"},
	}
	for _, c := range cases {
		for _, d := range dialectsIn(c.dialects) {
			got := Redact(d, c.query)
			if got != c.want {
				t.Errorf("%s: %s\n got  %s\n want %s", d, c.query, got, c.want)
			}
		}
	}
}

// literalsOf writes s as a literal in each way the dialect knows.
func literalsOf(dialect, s string) []string {
	single := "'" + strings.ReplaceAll(s, "'", "''") + "'"
	hex := fmt.Sprintf("x'%x'", s)
	switch dialect {
	case "mysql":
		esc := strings.NewReplacer(`\`, `\\`, `'`, `\'`, `"`, `\"`).Replace(s)
		return []string{"'" + esc + "'", `"` + esc + `"`, hex, "0x" + fmt.Sprintf("%x", s+"a")}
	case "postgres":
		esc := strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s)
		all := []string{single, "E'" + esc + "'", hex}
		if !strings.Contains(s+"$", "$q$") {
			all = append(all, "$q$"+s+"$q$")
		}
		return all
	}
	return []string{single, hex, `"` + strings.ReplaceAll(s, `"`, `""`) + `"`}
}

// FuzzRedactHides puts text into a query as a literal: nothing of it may remain,
// so the result is that of any other literal in its place.
func FuzzRedactHides(f *testing.F) {
	for _, s := range []string{"", "plain", "it's", `a\`, `\'`, `"`, "--x", "/*", "*/", "$q", "$$", "a\nb", "]", "`", "?1", "\x00\xff", `'; DROP TABLE x; --`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, d := range []string{"sqlite", "postgres", "mysql"} {
			for _, lit := range literalsOf(d, s) {
				const form = "UPDATE t SET a = %s, b = 1 WHERE c = %s AND d IN (%s)"
				got := Redact(d, fmt.Sprintf(form, lit, lit, lit))
				want := "UPDATE t SET a = ?, b = ? WHERE c = ? AND d IN (?)"
				if got == want {
					continue
				}
				// With backslashes the text can be read in two ways and more of it
				// goes; never does anything but the query's own words remain.
				rest := strings.NewReplacer(",", " ", "(", " ", ")", " ", "=", " ", "?", " ").Replace(got)
				own := strings.Fields("UPDATE t SET a b WHERE c AND d IN")
				for _, w := range strings.Fields(rest) {
					if len(own) > 0 && strings.Contains(lit, `\`) {
						for len(own) > 0 && own[0] != w {
							own = own[1:]
						}
					}
					if len(own) == 0 || own[0] != w {
						t.Fatalf("%s: literal %q left %q", d, lit, got)
					}
					own = own[1:]
				}
			}
		}
	})
}

// FuzzText checks on any text that parsing ends, and that redacting what is
// redacted changes nothing.
func FuzzText(f *testing.F) {
	for _, s := range []string{
		"WITH x AS (DELETE FROM t) SELECT 1", "/*!5 a */ 'b\\' c", "$a$ $b$", "U&\"\\+00", "a\\'b'c",
		"UPDATE (a JOIN b) SET", "DELETE a.*, b FROM c d, (e)", "DO $$EXECUTE 'x'$$", "--/**/x", "CREATE TRIGGER BEGIN CASE END",
		"insert into \"a\"(\"b\") values (\"c\")", "EXPLAIN (ANALYZE", "COPY (", "SET a=,autocommit", "$1.5", "e'\\", "1.e+5.", "[", "`",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, d := range []string{"sqlite", "postgres", "mysql"} {
			for _, st := range Parse(d, s) {
				for _, w := range st.Writes {
					if w.Name == "" {
						t.Fatalf("%s: %q writes a table without a name", d, s)
					}
				}
			}
			First(d, s)
			once := Redact(d, s)
			if twice := Redact(d, once); twice != once {
				t.Fatalf("%s: %q\n once  %q\n twice %q", d, s, once, twice)
			}
		}
		Mentions(s, "a")
	})
}
