package integration

import (
	"strings"
	"testing"

	"github.com/gorm-audit/auditplugin/test/integration/testdb"
	"gorm.io/gorm"
)

// Placard is a table as one version of the application knows it.
type Placard struct {
	ID   uint
	Name string
}

// NewPlacard is the same table, a version later.
type NewPlacard struct {
	ID    uint
	Name  string
	Extra string
}

// TableName is Placard's.
func (NewPlacard) TableName() string { return "placards" }

// A column that another process adds, or another version of the application, is in the
// records of the first statement that writes to it.
func TestColumnAddedElsewhere(t *testing.T) {
	sc := scene{models: []any{&Placard{}}}
	for name, write := range map[string]func(tx *gorm.DB) *gorm.DB{
		"create":       func(tx *gorm.DB) *gorm.DB { return tx.Create(&NewPlacard{Name: "new", Extra: "more"}) },
		"create many":  func(tx *gorm.DB) *gorm.DB { return tx.Create(&[]NewPlacard{{Extra: "more"}, {Extra: "more"}}) },
		"update":       func(tx *gorm.DB) *gorm.DB { return tx.Model(&NewPlacard{ID: 1}).Update("extra", "more") },
		"table update": func(tx *gorm.DB) *gorm.DB { return tx.Table("placards").Where("id = 1").Update("extra", "more") },
		"upsert":       func(tx *gorm.DB) *gorm.DB { return tx.Save(&NewPlacard{ID: 1, Extra: "more"}) },
	} {
		t.Run(name, func(t *testing.T) {
			testdb.Each(t, func(t *testing.T, g testdb.Target) {
				st := sc.open(t, g)
				st.ok(st.db.Create(&Placard{Name: "first"}))
				if _, err := st.db.Raw.Exec("ALTER TABLE placards ADD COLUMN extra VARCHAR(20)"); err != nil {
					t.Fatal(err)
				}
				st.ok(write(st.db.DB))
				trail := st.trail()
				for _, e := range trail[1:] {
					if after, ok := e.After["extra"]; !ok || after != "more" {
						t.Errorf("%s: recorded is %v", e.Action, e.After)
					}
				}
				if len(trail) < 2 {
					t.Error("the write has no record")
				}
			})
		})
	}
}

// A connection that is moved to another database stays there.
func TestUseOfAnotherDatabase(t *testing.T) {
	testdb.On(t, testdb.MySQL, func(t *testing.T, g testdb.Target) {
		d := g.Open(t, testdb.WithMaxOpen(1))
		other := g.Open(t)
		for _, db := range []*testdb.DB{d, other} {
			if err := db.AutoMigrate(&Placard{}); err != nil {
				t.Fatal(err)
			}
		}
		var home, away string
		for db, name := range map[*testdb.DB]*string{d: &home, other: &away} {
			if err := db.Raw.QueryRow("SELECT DATABASE()").Scan(name); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := other.Raw.Exec("ALTER TABLE placards ADD COLUMN extra VARCHAR(20) DEFAULT 'away'"); err != nil {
			t.Fatal(err)
		}
		create := func(tx *gorm.DB) {
			t.Helper()
			if err := tx.Table("placards").Create(map[string]any{"id": 7}).Error; err != nil {
				t.Fatal(err)
			}
		}
		create(d.DB)
		if err := d.Exec("USE " + away).Error; err != nil {
			t.Fatal(err)
		}
		create(d.DB)
		err := d.Transaction(func(tx *gorm.DB) error {
			if err := tx.Exec("USE " + home).Error; err != nil {
				return err
			}
			return tx.Table("placards").Create(map[string]any{"id": 8}).Error
		})
		if err != nil {
			t.Fatal(err)
		}
		var images []string
		if err := d.Plain(t).Table("audit_logs").Order("seq").Pluck("after", &images).Error; err != nil {
			t.Fatal(err)
		}
		for i, want := range []string{`"name"`, `"extra":"away"`, `"name"`} {
			if len(images) != 3 || !strings.Contains(strings.ReplaceAll(images[i], ": ", ":"), want) {
				t.Errorf("record %d has no %s: %q", i, want, images)
			}
		}
	})
}
