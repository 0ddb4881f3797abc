package auditweb_test

import (
	"slices"
	"testing"

	"github.com/gorm-audit/auditplugin/audit"
)

// Fields stand in the order in which people count, and the one that is asked for comes first.
func TestOrderOfFields(t *testing.T) {
	db := open(t)
	r := audit.Record{ID: recordID(1), Action: audit.Update, RecordType: "wide", Table: "wides", RecordID: "1", Before: map[string]any{}, After: map[string]any{}}
	for _, path := range []string{"c1", "c10", "c2", "c2.a10", "c2.a9", "c02x", "d"} {
		r.Changes = append(r.Changes, audit.Change{Path: path, From: "1", To: "2"})
		r.Changed = append(r.Changed, path)
	}
	slices.Reverse(r.Changes)
	recorded(t, db, r)
	h := viewer(t, db)
	get(t, h, "/record?id="+recordID(1)).has(t, "changed c1, c2 and 3 other fields", "c1 from 1 → to 2 c2 from 1 → to 2 c2 a9 from 1 → to 2 c2 a10 from 1 → to 2 c02x from 1 → to 2 c10 from")
	for _, page := range []string{"/row?table=wides&id=1&path=d", "/search?column=d"} {
		get(t, h, page).has(t, "changed d, c1 and 3 other fields", "d from 1 → to 2 c1 from")
	}
}
