package sqltext

import "testing"

func TestReplaces(t *testing.T) {
	for definition, want := range map[string]bool{
		"CREATE TABLE t (id INTEGER PRIMARY KEY ON CONFLICT REPLACE)":             true,
		"CREATE TABLE t (id int, UNIQUE (id) on /* so */ conflict\nreplace)":      true,
		"CREATE TABLE t (id int PRIMARY KEY DESC ON CONFLICT REPLACE)":            true,
		"CREATE TABLE t (id int UNIQUE ON CONFLICT IGNORE)":                       false,
		"CREATE TABLE t (d text NOT NULL ON CONFLICT REPLACE DEFAULT 'd')":        false,
		"CREATE TABLE t (d text DEFAULT 'UNIQUE ON CONFLICT REPLACE')":            false,
		"CREATE TABLE t (d text) -- UNIQUE ON CONFLICT REPLACE":                   false,
		"CREATE TABLE t (d text NOT NULL ON CONFLICT REPLACE DEFAULT 'd' UNIQUE)": false,
	} {
		if got := Replaces(definition); got != want {
			t.Errorf("%s: %v", definition, got)
		}
	}
}
