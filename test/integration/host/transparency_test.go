package host

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gorm-audit/auditplugin/test/integration/testdb"
)

// act is one call of the application; into is what it gets back beside the *gorm.DB.
type act struct {
	name string
	do   func(db *gorm.DB) (into any, tx *gorm.DB)
}

func email(s string) *string { return &s }

// wrote is for the calls that return nothing else.
func wrote(f func(db *gorm.DB) *gorm.DB) func(*gorm.DB) (any, *gorm.DB) {
	return func(db *gorm.DB) (any, *gorm.DB) { return nil, f(db) }
}

// on is for the calls that fill a value in.
func on[T any](value T, f func(db *gorm.DB, v *T) *gorm.DB) func(*gorm.DB) (any, *gorm.DB) {
	return func(db *gorm.DB) (any, *gorm.DB) {
		v := value
		return &v, f(db, &v)
	}
}

func person(name string) Person { return Person{Name: name} }

func creates() []act {
	create := func(db *gorm.DB, p *Person) *gorm.DB { return db.Create(p) }
	return []act{
		{"create", on(Person{Name: "ann", Email: email("ann@x"), Tags: []string{"a"}}, create)},
		{"create, not the default", on(Person{Name: "bob", Age: 40}, create)},
		{"create several", on([]Person{person("cem"), person("dee"), person("eve")}, func(db *gorm.DB, p *[]Person) *gorm.DB { return db.Create(p) })},
		{"create in batches", on([]Person{person("f1"), person("f2"), person("f3")}, func(db *gorm.DB, p *[]Person) *gorm.DB { return db.CreateInBatches(p, 2) })},
		{"create a map", on(map[string]any{"Name": "map"}, func(db *gorm.DB, m *map[string]any) *gorm.DB { return db.Model(&Person{}).Create(m) })},
		{"create selected", on(Person{Name: "gil", Age: 33, Email: email("gil@x")}, func(db *gorm.DB, p *Person) *gorm.DB { return db.Select("Name", "Age").Create(p) })},
		{"create nested", on(Person{Name: "hal", Pets: []Pet{{Name: "cat"}, {Name: "dog"}}, Groups: []Group{{Name: "one"}}}, create)},
		{"create what exists", on(Person{ID: 1, Name: "again"}, create)},
		{"create the same e-mail", on(Person{Name: "thief", Email: email("ann@x")}, create)},
		{"create, one of them exists", on([]Person{{ID: 2, Name: "no"}, person("ok")}, func(db *gorm.DB, p *[]Person) *gorm.DB { return db.Create(p) })},
		{"create, refused before", on(person("refused by BeforeCreate"), create)},
		{"create, refused after", on(person("refused by AfterCreate"), create)},
		{"create nothing", on([]Person{}, func(db *gorm.DB, p *[]Person) *gorm.DB { return db.Create(p) })},
		{"upsert by e-mail", on(Person{Name: "new name", Email: email("ann@x")}, func(db *gorm.DB, p *Person) *gorm.DB {
			return db.Clauses(clause.OnConflict{Columns: []clause.Column{{Name: "email"}}, DoUpdates: clause.AssignmentColumns([]string{"name"})}).Create(p)
		})},
		{"upsert, nothing to do", on(Person{Name: "nobody", Email: email("ann@x")}, func(db *gorm.DB, p *Person) *gorm.DB {
			return db.Clauses(clause.OnConflict{DoNothing: true}).Create(p)
		})},
		{"upsert pets", on([]Pet{{ID: 1, Name: "lion"}, {ID: 77, Name: "new"}}, func(db *gorm.DB, p *[]Pet) *gorm.DB {
			return db.Clauses(clause.OnConflict{UpdateAll: true}).Create(p)
		})},
		{"first or create, new", on(Pet{}, func(db *gorm.DB, p *Pet) *gorm.DB { return db.Where(Pet{Name: "foc"}).FirstOrCreate(p) })},
		{"first or create, there", on(Pet{}, func(db *gorm.DB, p *Pet) *gorm.DB {
			return db.Where(Pet{Name: "foc"}).Assign(map[string]any{"person_id": 1}).FirstOrCreate(p)
		})},
	}
}

func changes() []act {
	return []act{
		{"save", on(Person{ID: 1, Name: "ann 2", Age: 50}, func(db *gorm.DB, p *Person) *gorm.DB { return db.Save(p) })},
		{"save what is not there", on(Person{ID: 500, Name: "late"}, func(db *gorm.DB, p *Person) *gorm.DB { return db.Save(p) })},
		{"save several", on([]Pet{{ID: 1, Name: "tiger"}, {ID: 78, Name: "yak"}}, func(db *gorm.DB, p *[]Pet) *gorm.DB { return db.Save(p) })},
		{"update", on(Person{ID: 2}, func(db *gorm.DB, p *Person) *gorm.DB { return db.Model(p).Update("name", "bo") })},
		{"update the same", on(Person{ID: 2}, func(db *gorm.DB, p *Person) *gorm.DB { return db.Model(p).UpdateColumn("name", "bo") })},
		{"updates, struct", on(Person{ID: 3}, func(db *gorm.DB, p *Person) *gorm.DB {
			return db.Model(p).Updates(Person{Name: "ce", Tags: []string{"x"}})
		})},
		{"updates, map", on(Person{ID: 3}, func(db *gorm.DB, p *Person) *gorm.DB {
			return db.Model(p).Updates(map[string]any{"age": 0, "name": gorm.Expr("name")})
		})},
		{"update many", wrote(func(db *gorm.DB) *gorm.DB {
			return db.Model(&Person{}).Where("age = ?", 18).Update("age", gorm.Expr("age + 1"))
		})},
		{"update none", wrote(func(db *gorm.DB) *gorm.DB { return db.Model(&Person{}).Where("id = ?", 9999).Update("age", 1) })},
		{"update without a condition", wrote(func(db *gorm.DB) *gorm.DB { return db.Model(&Person{}).Update("age", 1) })},
		{"update, no such column", wrote(func(db *gorm.DB) *gorm.DB { return db.Model(&Pet{}).Where("id = 1").Update("nothing", 1) })},
		{"update, broken condition", wrote(func(db *gorm.DB) *gorm.DB { return db.Model(&Pet{}).Where("no_such = 1").Update("name", "x") })},
		{"update to null", on(Person{ID: 2}, func(db *gorm.DB, p *Person) *gorm.DB { return db.Model(p).UpdateColumn("name", nil) })},
		{"update, refused", on(Person{ID: 2, Name: "refused by BeforeUpdate"}, func(db *gorm.DB, p *Person) *gorm.DB { return db.Model(p).Update("age", 7) })},
		{"update returning", on([]Pet{}, func(db *gorm.DB, p *[]Pet) *gorm.DB {
			return db.Model(p).Clauses(clause.Returning{}).Where("id = ?", 1).Update("name", "returned")
		})},
		{"update a table", wrote(func(db *gorm.DB) *gorm.DB {
			return db.Table("pets").Where("id = ?", 2).Updates(map[string]any{"name": "by table"})
		})},
		{"update no table", wrote(func(db *gorm.DB) *gorm.DB {
			return db.Table("no_such_table").Where("id = ?", 2).Updates(map[string]any{"name": "x"})
		})},
		{"soft delete", on(Person{ID: 3}, func(db *gorm.DB, p *Person) *gorm.DB { return db.Delete(p) })},
		{"soft delete again", on(Person{ID: 3}, func(db *gorm.DB, p *Person) *gorm.DB { return db.Delete(p) })},
		{"restore", wrote(func(db *gorm.DB) *gorm.DB {
			return db.Unscoped().Model(&Person{}).Where("id = ?", 3).Update("deleted_at", nil)
		})},
		{"delete", on(Pet{ID: 77}, func(db *gorm.DB, p *Pet) *gorm.DB { return db.Delete(p) })},
		{"delete returning", on([]Pet{}, func(db *gorm.DB, p *[]Pet) *gorm.DB {
			return db.Clauses(clause.Returning{}).Where("id = ?", 78).Delete(p)
		})},
		{"delete what others need", on(Person{ID: 9}, func(db *gorm.DB, p *Person) *gorm.DB { return db.Unscoped().Where("name = ?", "hal").Delete(p) })},
		{"delete without a condition", wrote(func(db *gorm.DB) *gorm.DB { return db.Delete(&Pet{}) })},
		{"exec", wrote(func(db *gorm.DB) *gorm.DB { return db.Exec("UPDATE pets SET name = ? WHERE id = ?", "raw", 2) })},
		{"dry run", wrote(func(db *gorm.DB) *gorm.DB {
			return db.Session(&gorm.Session{DryRun: true}).Model(&Pet{ID: 1}).Update("name", "dry")
		})},
		{"append", func(db *gorm.DB) (any, *gorm.DB) {
			p := Person{ID: 1}
			err := db.Model(&p).Association("Groups").Append(&Group{Name: "two"}, &Group{Name: "three"})
			return &p, &gorm.DB{Error: err}
		}},
		{"replace", func(db *gorm.DB) (any, *gorm.DB) {
			p := Person{ID: 1}
			err := db.Model(&p).Association("Groups").Replace(&Group{ID: 1})
			return &p, &gorm.DB{Error: err}
		}},
		{"nested failure", func(db *gorm.DB) (any, *gorm.DB) {
			var p Pet
			err := db.Transaction(func(tx *gorm.DB) error {
				_ = tx.Transaction(func(tx *gorm.DB) error { return tx.Create(&Pet{ID: 1}).Error })
				return tx.Create(&p).Error
			})
			return &p, &gorm.DB{Error: err}
		}},
	}
}

// TestTransparency: what the application gets back from each call is what it got
// before: values filled in, rows affected, errors by type and text, calls of hooks.
func TestTransparency(t *testing.T) {
	noon := time.Date(2024, 2, 29, 12, 0, 0, 0, time.UTC)
	clock := func(c *gorm.Config) { c.NowFunc = func() time.Time { return noon } }
	for _, prepare := range []bool{false, true} {
		t.Run(fmt.Sprintf("prepare %t", prepare), func(t *testing.T) {
			testdb.Each(t, func(t *testing.T, g testdb.Target) {
				plain, audited := both(t, g, func(t *testing.T, d *testdb.DB) (notes []string) {
					must(t, d.AutoMigrate(&Person{}, &Pet{}, &Group{}))
					for _, a := range append(creates(), changes()...) {
						var hooks []string
						into, tx := a.do(d.WithContext(withHooks(t.Context(), &hooks)))
						text, err := json.Marshal(into)
						must(t, err)
						notes = append(notes, fmt.Sprintf("%s: %d rows, %s, %s, hooks %q", a.name, tx.RowsAffected, told(tx.Error), text, hooks))
					}
					for _, table := range []string{"people", "pets", "groups", "person_groups"} {
						notes = append(notes, rows(t, d.DB, "SELECT * FROM "+d.Statement.Quote(table)+" ORDER BY 1, 2"))
					}
					return notes
				}, testdb.WithGORM(clock), testdb.WithGORM(func(c *gorm.Config) { c.PrepareStmt = prepare }))
				same(t, plain, audited)
			})
		})
	}
}
