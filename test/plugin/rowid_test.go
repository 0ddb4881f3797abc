package plugin_test

import (
	"fmt"
	"testing"
)

// A table without a key is known by SQLite's rowid, unless columns have taken its names.
func TestColumnsNamedAsTheRowID(t *testing.T) {
	for name, taken := range map[string]string{
		"none": "spare text", "rowid": "rowid text", "ROWID": "ROWID text", "two of them": "rowid text, _rowid_ text", "all": "rowid text, _rowid_ text, oid text",
		"the key": "rowid integer PRIMARY KEY", "a text key": "rowid text PRIMARY KEY",
	} {
		t.Run(name, func(t *testing.T) {
			db, _, memory := audited(t)
			exec(t, db, "CREATE TABLE plates ("+taken+", name text, n integer)")
			for i, n := range []string{"a", "b", "c"} {
				values := map[string]any{"name": n, "n": i}
				if name != "none" && name != "the key" {
					values["rowid"] = "same"
				}
				if name == "a text key" {
					values["rowid"] = n
				}
				must(t, db.Table("plates").Create(values))
			}
			memory.Reset()
			must(t, db.Table("plates").Where("n > 0").Update("name", "x"))
			must(t, db.Table("plates").Where("n = 1").Delete(map[string]any{}))
			var got []string
			for _, r := range memory.Records() {
				got = append(got, fmt.Sprint(r.Action, r.Before["name"], r.After["name"], r.Before["n"]))
			}
			want := "[updatebx<nil> updatecx<nil> deletex<nil> 1]"
			if fmt.Sprint(got) != want {
				t.Errorf("%v, want %s", got, want)
			}
		})
	}
}
