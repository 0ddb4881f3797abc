//go:build !race

// The race detector allocates too, and under it sync.Pool forgets at random.

package plugin_test

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	"gorm.io/driver/sqlite"
	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/audit"
)

// Reads pay nothing: not one allocation more than without the plugin.
func TestReadsAllocateNothingMore(t *testing.T) {
	plain, with := openDB(t), openDB(t)
	use(t, with)
	for _, db := range []*gorm.DB{plain, with} {
		must(t, db.Create([]user{{ID: 1, Name: "Ada"}, {ID: 2, Name: "Bob"}}))
	}
	for name, read := range map[string]func(db *gorm.DB) error{
		"First": func(db *gorm.DB) error { var u user; return db.First(&u, 1).Error },
		"Find":  func(db *gorm.DB) error { var u []user; return db.Where("age < ?", 99).Find(&u).Error },
		"Count": func(db *gorm.DB) error { var n int64; return db.Model(&user{}).Count(&n).Error },
		"Pluck": func(db *gorm.DB) error { var n []string; return db.Model(&user{}).Pluck("name", &n).Error },
		"Preload": func(db *gorm.DB) error {
			var u []user
			return db.Preload("Pets").Find(&u).Error
		},
	} {
		t.Run(name, func(t *testing.T) {
			measure := func(db *gorm.DB) float64 {
				return testing.AllocsPerRun(100, func() {
					if err := read(db); err != nil {
						t.Fatal(err)
					}
				})
			}
			if without, got := measure(plain), measure(with); got > without {
				t.Errorf("%.0f allocations with the plugin, %.0f without", got, without)
			}
		})
	}
}

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

// BenchmarkUpdateRows is an UPDATE of n rows, with the audit table alone.
func BenchmarkUpdateRows(b *testing.B) {
	for _, n := range []int{1, 1000, 5000} {
		for _, audited := range []bool{false, true} {
			b.Run(fmt.Sprintf("rows=%d/audited=%v", n, audited), func(b *testing.B) {
				db := openOn(b, sqlite.Open(dsn(b)+"&_synchronous=OFF"), &user{})
				if audited {
					use(b, db)
				}
				rows := make([]user, n)
				for i := range rows {
					rows[i] = user{Name: "Ada", Phone: "+12345678901", Age: i}
				}
				must(b, db.CreateInBatches(rows, 500))
				i := 0
				b.ReportAllocs()
				for b.Loop() {
					i++
					if err := db.Model(&user{}).Where("id <= ?", n).Update("phone", fmt.Sprint(i)).Error; err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// maxLeftOutAllocs is how many allocations an update may have beyond plain GORM's when no
// update is recorded: no row is read, and none is compared.
const maxLeftOutAllocs = 10

func TestAllocationsOfWhatIsLeftOut(t *testing.T) {
	plain, audited := openDB(t, &tenColumns{}), openDB(t, &tenColumns{})
	use(t, audited, auditplugin.WithActions([]audit.Action{audit.Create, audit.Delete}))
	if more := updateAllocs(t, audited) - updateAllocs(t, plain); more > maxLeftOutAllocs {
		t.Errorf("an update that is not recorded has %.0f allocations more than plain GORM, pinned at %d", more, maxLeftOutAllocs)
	} else {
		t.Logf("%.0f allocations more than plain GORM", more)
	}
}
