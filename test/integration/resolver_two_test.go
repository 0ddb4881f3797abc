package integration

import (
	"strings"
	"testing"

	"github.com/gorm-audit/auditplugin/test/integration/testdb"
	"gorm.io/gorm"
	"gorm.io/plugin/dbresolver"
)

// A resolver's sources may be two databases, in which tables of the same name differ.
func TestResolverTellsDatabasesApart(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		second := g.Open(t, testdb.OwnDatabase()) // its plugin makes the audit table there
		if err := second.AutoMigrate(&Placard{}); err != nil {
			t.Fatal(err)
		}
		use := func(db *gorm.DB) error {
			return db.Use(dbresolver.Register(dbresolver.Config{Sources: []gorm.Dialector{second.Dialector}}, "second"))
		}
		first := g.Open(t, testdb.OwnDatabase(), testdb.TableAlone(), testdb.After(use))
		if err := first.AutoMigrate(&Placard{}); err != nil {
			t.Fatal(err)
		}
		if _, err := second.Raw.Exec("ALTER TABLE placards ADD COLUMN extra VARCHAR(20) DEFAULT 'second'"); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			for _, tx := range []*gorm.DB{first.DB, first.Clauses(dbresolver.Use("second"), dbresolver.Write)} {
				if err := tx.Create(&Placard{Name: "x"}).Error; err != nil {
					t.Fatal(err)
				}
			}
		}
		for _, d := range []*testdb.DB{first, second} {
			var images []string
			if err := d.Plain(t).Table("audit_logs").Pluck("after", &images).Error; err != nil {
				t.Fatal(err)
			}
			if len(images) != 2 {
				t.Errorf("recorded are %q, want 2", images)
			}
			for _, image := range images {
				if strings.Contains(image, `"second"`) != (d == second) {
					t.Errorf("%s has or lacks what only the second database has", image)
				}
			}
		}
	})
}
