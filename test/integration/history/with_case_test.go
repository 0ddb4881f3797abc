package history_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/gorm-audit/auditplugin/history"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
	"gorm.io/gorm"
)

// looseLand and what refers to it are in tables that do not tell case apart.
type looseLand struct {
	Code  string      `gorm:"primaryKey;size:10"`
	Name  string      `gorm:"size:40"`
	Towns []looseTown `gorm:"foreignKey:LandCode;references:Code"`
}

type looseTown struct {
	ID       uint
	LandCode string `gorm:"size:10"`
	Name     string `gorm:"size:40"`
	Land     *looseLand
}

// loosePart has a key of several columns.
type loosePart struct {
	Code string `gorm:"primaryKey;size:10"`
	No   int    `gorm:"primaryKey;autoIncrement:false"`
	Name string `gorm:"size:40"`
}

func openLoose(t *testing.T, g testdb.Target) scene {
	t.Helper()
	text := map[string]string{testdb.SQLite: "varchar(10) COLLATE NOCASE", testdb.MySQL: "varchar(10)"}[g.Dialect]
	if text == "" {
		t.Skip("collations of this database tell case apart")
	}
	return scene{t, g.Open(t, testdb.Before(func(db *gorm.DB) error {
		exec := func(statement string) error { return db.Session(&gorm.Session{NewDB: true}).Exec(statement).Error }
		return errors.Join(
			exec("CREATE TABLE loose_lands (code "+text+" PRIMARY KEY, name varchar(40))"),
			exec("CREATE TABLE loose_towns (id integer PRIMARY KEY, land_code "+text+", name varchar(40))"),
			exec("CREATE TABLE loose_parts (code "+text+", no integer, name varchar(40), PRIMARY KEY (code, no))"))
	})), t.Context()}
}

// Where the database does not tell case apart, rows belong to a row that they spell
// otherwise, also those that are gone.
func TestWithInAnyCase(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		s := openLoose(t, g)
		s.do("made", func(db *gorm.DB) error {
			return firstError(db.Create(&looseLand{Code: "NO", Name: "Norway"}).Error, db.Omit("Land").Create(&[]looseTown{{1, "NO", "Oslo", nil}, {2, "no", "Bergen", nil}, {3, "No", "Hamar", nil}, {4, "se", "Kiruna", nil}}).Error)
		})
		was := history.After(lastRecord(t, s.DB.DB))
		asOf := func() string {
			land, town := looseLand{Code: "no"}, looseTown{ID: 2}
			s.ok(history.AsOf(s.ctx, s.DB.DB, &land, was, history.With("Towns")))
			if err := history.AsOf(s.ctx, s.DB.DB, &town, was, history.With("Land")); err != nil || town.Land == nil {
				return fmt.Sprint(land.Towns, " ", town.Land, err)
			}
			return fmt.Sprint(land.Towns, " ", town.Land.Name)
		}
		const want = "[{1 NO Oslo <nil>} {2 no Bergen <nil>} {3 No Hamar <nil>}] Norway"
		if got := asOf(); got != want {
			t.Errorf("all are there: %s", got)
		}
		s.do("gone", func(db *gorm.DB) error { return db.Delete(&looseTown{}, []int{1, 3}).Error })
		if got := asOf(); got != want {
			t.Errorf("some are gone: %s", got)
		}
		s.do("all gone", func(db *gorm.DB) error {
			return firstError(db.Delete(&looseTown{}, []int{2, 4}).Error, db.Delete(&looseLand{Code: "NO"}).Error)
		})
		if got := asOf(); got != want {
			t.Errorf("all are gone: %s", got)
		}
		s.tells("trail", history.Of(s.DB.DB, &looseLand{Code: "NO"}).With("Towns").Action("delete"),
			"Towns: delete loose_town 1 (gone)", "Towns: delete loose_town 3 (gone)", "Towns: delete loose_town 2 (all gone)", ": delete loose_land NO (all gone)")
		s.tells("the other way", history.Of(s.DB.DB, &looseTown{ID: 2}).With("Land").Action("delete"), ": delete loose_town 2 (all gone)")
		_, err := history.RevertTo(s.ctx, s.DB.DB, &looseLand{Code: "NO"}, was, history.With("Towns"))
		s.ok(err)
		var n int64
		if s.ok(s.DB.Table("loose_towns").Count(&n).Error); n != 3 {
			t.Errorf("%d towns are there again", n)
		}
	})
}

// A key of several columns is found as the database compares it, also when the row is gone.
func TestKeyOfSeveralInAnyCase(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		s := openLoose(t, g)
		s.do("made", func(db *gorm.DB) error { return db.Create(&loosePart{"AB", 7, "x"}).Error })
		was := history.After(lastRecord(t, s.DB.DB))
		s.do("gone", func(db *gorm.DB) error { return db.Delete(&loosePart{Code: "AB", No: 7}).Error })
		got := loosePart{Code: "ab", No: 7}
		if err := history.AsOf(s.ctx, s.DB.DB, &got, was); err != nil || got.Name != "x" {
			t.Errorf("got %+v, %v", got, err)
		}
		if err := history.AsOf(s.ctx, s.DB.DB, &loosePart{Code: "ab", No: 8}, was); !errors.Is(err, history.ErrNotFound) {
			t.Errorf("another one: %v", err)
		}
	})
}
