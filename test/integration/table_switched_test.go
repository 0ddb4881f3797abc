package integration

import (
	"testing"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
)

// Stay is kept in a table for each tenant.
type Stay struct {
	ID   uint
	Name string
}

// tenants has a table of stays for each, and a callback of the application's right before
// GORM's own that chooses one, as plugins for tenants have.
func tenants(names ...string) scene {
	choose := testdb.After(func(db *gorm.DB) error {
		to := func(db *gorm.DB) {
			if name, ok := db.Get("tenant"); ok {
				db.Statement.Table = name.(string)
			}
		}
		for _, err := range []error{
			db.Callback().Create().Before("gorm:create").Register("tenant", to),
			db.Callback().Update().Before("gorm:update").Register("tenant", to),
			db.Callback().Delete().Before("gorm:delete").Register("tenant", to),
		} {
			if err != nil {
				return err
			}
		}
		return nil
	})
	return scene{models: []any{&Stay{}}, tables: names, options: []testdb.Option{choose, testdb.WithPlugin(auditplugin.WithoutModels("stays_c"))}, seed: func(db *gorm.DB) error {
		for _, name := range names {
			if err := db.Table(name).AutoMigrate(&Stay{}); err != nil {
				return err
			}
		}
		return nil
	}}
}

// The table is that of the statement which runs. It was the one that was named before other
// callbacks ran: records named that, or the write was refused.
func TestTableSwitchedByACallback(t *testing.T) {
	tenants("stays_a", "stays_b").capture(t, func(s *stage) {
		for _, name := range []string{"stays_a", "stays_b"} {
			db := s.db.Set("tenant", name).Session(&gorm.Session{})
			v := Stay{Name: "one"}
			s.ok(db.Create(&v))
			s.ok(db.Model(&v).Update("name", "two"))
			s.ok(db.Model(&Stay{}).Where("name = ?", "two").Update("name", "three"))
			s.ok(db.Clauses(clause.OnConflict{UpdateAll: true}).Create(&Stay{ID: v.ID, Name: "four"}))
			s.ok(db.Delete(&v))
		}
		s.expect("1 create stays_a", "3 update stays_a", "1 delete stays_a", "1 create stays_b", "3 update stays_b", "1 delete stays_b")
	})
}

// A table that is left out stays so.
func TestTableSwitchedToOneThatIsLeftOut(t *testing.T) {
	tenants("stays_c").natively(t, func(s *stage) {
		s.oracle = nil // which would miss these
		s.ok(s.db.Set("tenant", "stays_c").Create(&Stay{Name: "one"}))
		s.ok(s.db.Set("tenant", "stays_c").Model(&Stay{}).Where("name = ?", "one").Update("name", "two"))
		if trail := s.trail(); len(trail) > 0 {
			s.Errorf("recorded is %v", trail)
		}
	})
}
