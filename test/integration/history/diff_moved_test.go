package history_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/gorm-audit/auditplugin/history"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
	"gorm.io/gorm"
)

// Where its key was changed in between, a row was not there at one of the moments.
func TestDiffAroundAChangedKey(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		s := open(t, g)
		s.do("made", func(db *gorm.DB) error { return db.Create(&placed{"north", 7, "then"}).Error })
		was := history.After(lastRecord(t, s.DB.DB))
		s.do("moved", func(db *gorm.DB) error {
			return firstError(db.Model(&placed{Region: "north", Number: 7}).Update("region", "south").Error, db.Model(&placed{Region: "south", Number: 7}).Update("note", "now").Error)
		})
		for region, want := range map[string]string{
			"north": "[{note then <nil>} {number 7 <nil>} {region north <nil>}]",
			"south": "[{note <nil> now} {number <nil> 7} {region <nil> south}]",
		} {
			changes, err := history.Diff(s.ctx, s.DB.DB, &placed{Region: region, Number: 7}, was, time.Now())
			if got := fmt.Sprint(changes); err != nil || got != want {
				t.Errorf("%s: %s, %v", region, got, err)
			}
		}
		changes, err := history.Diff(s.ctx, s.DB.DB, &placed{Region: "south", Number: 7}, time.Now().Add(-time.Microsecond), time.Now())
		if err != nil || len(changes) != 0 {
			t.Errorf("now: %v, %v", changes, err)
		}
	})
}
