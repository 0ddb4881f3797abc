package integration

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

type (
	cachedOwner struct {
		ID    uint
		Name  string `gorm:"size:50;uniqueIndex"`
		Score int
		Gone  gorm.DeletedAt
		Pets  []cachedPet `gorm:"foreignKey:OwnerID;constraint:OnDelete:CASCADE"`
	}
	cachedPet struct {
		ID      uint
		OwnerID uint
		Name    string `gorm:"size:50"`
	}
)

// cachedWork is what an application does, in statements of many kinds, each several times.
func cachedWork(db *gorm.DB, savepoints bool) error {
	var errs []error
	ok := func(tx *gorm.DB) { errs = append(errs, tx.Error) }
	work := func(db *gorm.DB, i int) {
		o := cachedOwner{Name: fmt.Sprint("o", i), Pets: []cachedPet{{Name: "p"}, {Name: "q"}}}
		ok(db.Create(&o))
		ok(db.Create(&[]cachedOwner{{Name: fmt.Sprint("x", i)}, {Name: fmt.Sprint("y", i)}}))
		ok(db.Clauses(clause.OnConflict{Columns: []clause.Column{{Name: "name"}}, DoUpdates: clause.AssignmentColumns([]string{"score"})}).Create(&cachedOwner{Name: o.Name, Score: 3}))
		ok(db.Clauses(clause.OnConflict{DoNothing: true}).Create(&cachedOwner{Name: o.Name}))
		ok(db.Model(&o).Update("score", i))
		ok(db.Model(&cachedOwner{}).Where("name = ?", fmt.Sprint("x", i)).Updates(map[string]any{"score": gorm.Expr("score + 1")}))
		ok(db.Model(&cachedOwner{}).Where("score > ?", 0).Updates(cachedOwner{Score: 5}))
		o.Score = 9
		ok(db.Omit("Pets").Save(&o))
		ok(db.Table("cached_pets").Where("name = ?", "q").Update("name", "r"))
		ok(db.First(&cachedOwner{}, o.ID))
		errs = append(errs, db.Model(&o).Association("Pets").Append(&cachedPet{Name: "s"}))
		ok(db.Exec("UPDATE cached_pets SET name = ? WHERE name = ?", "t", "s"))
		ok(db.Delete(&cachedPet{}, "owner_id = ? AND name = ?", o.ID, "t"))
		ok(db.Delete(&o))
		ok(db.Unscoped().Delete(&o))
		ok(db.Unscoped().Where("1 = 1").Delete(&cachedOwner{}))
	}
	for i := range 3 {
		work(db, i)
	}
	errs = append(errs, db.Transaction(func(tx *gorm.DB) error {
		work(tx, 3)
		if !savepoints {
			return nil
		}
		return tx.Transaction(func(tx *gorm.DB) error { work(tx, 4); return nil })
	}))
	return errors.Join(errs...)
}

// The application's cache of prepared statements holds the application's statements, and
// none of ours.
func TestPreparedCacheIsTheApplications(t *testing.T) {
	testdb.Each(t, func(t *testing.T, g testdb.Target) {
		for _, how := range []string{"config", "session", "config and session", "session in session"} {
			for name, option := range map[string]testdb.Option{
				"": testdb.WithGORM(func(*gorm.Config) {}), "no default transactions": testdb.WithGORM(func(c *gorm.Config) { c.SkipDefaultTransaction = true }),
				"unwrapped": testdb.WithPlugin(auditplugin.WithUnwrappedPool()),
			} {
				t.Run(strings.TrimSpace(how+" "+name), func(t *testing.T) {
					prepare := testdb.WithGORM(func(c *gorm.Config) { c.PrepareStmt = strings.HasPrefix(how, "config") })
					keys := map[bool][]string{}
					for _, with := range []bool{false, true} {
						options := []testdb.Option{prepare, option}
						if !with {
							options = append(options, testdb.WithoutPlugin())
						}
						opened := g.Open(t, options...)
						db := opened.DB
						if err := db.Session(&gorm.Session{}).AutoMigrate(&cachedOwner{}, &cachedPet{}); err != nil {
							t.Fatal(err)
						}
						if how != "config" {
							db = db.Session(&gorm.Session{PrepareStmt: true})
						}
						if how == "session in session" {
							db = db.Session(&gorm.Session{PrepareStmt: true})
						}
						cache := db.ConnPool.(*gorm.PreparedStmtDB)
						cache.Close() // of what the migrator left
						// MySQL prepares no SAVEPOINT.
						if err := cachedWork(db, g.Dialect != testdb.MySQL || opened.MariaDB(t)); err != nil {
							t.Fatalf("with the plugin %v: %v", with, err)
						}
						keys[with] = cache.Stmts.Keys()
						slices.Sort(keys[with])
					}
					if len(keys[true]) != len(keys[false]) {
						t.Errorf("%d statements with the plugin, %d without:\n%s\n\n%s", len(keys[true]), len(keys[false]),
							strings.Join(keys[true], "\n"), strings.Join(keys[false], "\n"))
					}
				})
			}
		}
	})
}
