//go:build !race

package auditplugin_test

import (
	"strconv"
	"testing"
	"time"

	"gorm.io/gorm"
)

// maxUpdateAllocs is how many allocations an update by key of a model of ten columns
// may have beyond plain GORM's, on SQLite and with the table emitter. Lower it when
// the plugin does with less; most of them are the driver's, for three statements more.
const maxUpdateAllocs = 82

// tenColumns is the model of test/benchmarks.
type tenColumns struct {
	ID        uint
	Name      string
	Email     string
	Phone     string
	City      string
	Balance   int64
	Score     float64
	Active    bool
	CreatedAt time.Time
	UpdatedAt time.Time
}

// The race detector allocates too, so this runs without it.
func TestUpdateAllocations(t *testing.T) {
	plain, audited := openDB(t, &tenColumns{}), openDB(t, &tenColumns{})
	use(t, audited)
	if more := updateAllocs(t, audited) - updateAllocs(t, plain); more > maxUpdateAllocs {
		t.Errorf("an update by key has %.0f allocations more than plain GORM, pinned at %d", more, maxUpdateAllocs)
	} else {
		t.Logf("%.0f allocations more than plain GORM", more)
	}
	var records int64
	must(t, audited.Table("audit_logs").Count(&records))
	if records < 100 {
		t.Errorf("%d records: not every update was audited", records)
	}
}

func updateAllocs(t *testing.T, db *gorm.DB) float64 {
	t.Helper()
	row := tenColumns{Name: "Ada Lovelace", Email: "ada@example.com", City: "London", Balance: 100, Score: 0.5, Active: true}
	must(t, db.Create(&row))
	i := 0
	return testing.AllocsPerRun(200, func() {
		i++
		if err := db.Model(&tenColumns{ID: row.ID}).Update("phone", strconv.Itoa(i)).Error; err != nil {
			t.Fatal(err)
		}
	})
}
