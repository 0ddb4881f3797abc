package integration

import (
	"testing"

	"github.com/gorm-audit/auditplugin/test/integration/testdb"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// What docs/refused.md says of upserts that no image can be told for. These tests show
// what is recorded instead; the random histories leave such statements out.

func upsertOn(columns []string, set clause.Set) clause.OnConflict {
	oc := clause.OnConflict{DoUpdates: set}
	for _, name := range columns {
		oc.Columns = append(oc.Columns, clause.Column{Name: name})
	}
	return oc
}

// The portable path can not see ahead which key a sequence gives.
func TestLimitPortableSequenceMeetsRow(t *testing.T) {
	sc := scene{models: []any{&Counter{}}, seed: func(db *gorm.DB) error { return db.Create(&Counter{ID: 1, Name: "a"}).Error }}
	testdb.Only(t, testdb.Postgres, func(t *testing.T, g testdb.Target) {
		g.Portable = true
		st := sc.open(t, g)
		st.ok(st.db.Clauses(upsertOn([]string{"id"}, clause.AssignmentColumns([]string{"name"}))).Create(&Counter{Name: "b"}))
		st.expect("1 create counters")
		st.tallied(st.trail())
	})
}
