package history_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/gorm-audit/auditplugin/history"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
	"gorm.io/gorm"
)

// hamper is kept in its own table and in one for a year.
type hamper struct {
	ID    uint
	Name  string `gorm:"size:40"`
	Gifts []gift
}

type gift struct {
	ID       uint
	HamperID uint
	Name     string `gorm:"size:40"`
}

// openHampers has rows from before the plugin.
func openHampers(t *testing.T, g testdb.Target) scene {
	t.Helper()
	return scene{t, g.Open(t, testdb.WithGORM(func(c *gorm.Config) { c.DisableForeignKeyConstraintWhenMigrating = true }),
		testdb.Before(func(db *gorm.DB) error {
			db = db.Session(&gorm.Session{NewDB: true})
			return errors.Join(
				db.AutoMigrate(&hamper{}, &gift{}), db.Table("hampers_2024").AutoMigrate(&hamper{}),
				db.Create(&hamper{ID: 1, Name: "old", Gifts: []gift{{ID: 1, Name: "nuts"}, {ID: 2, Name: "wine"}}}).Error,
			)
		})), t.Context()}
}

func (s scene) giftsThen(db *gorm.DB, at history.Moment) string {
	s.Helper()
	h := hamper{ID: 1}
	if err := history.AsOf(s.ctx, db, &h, at, history.With("Gifts")); err != nil {
		return err.Error()
	}
	return fmt.Sprint(h.Name, h.Gifts)
}

// A baseline says to what a row belonged, also when raw SQL has deleted it since; and
// what was before the trail of the association nobody knows.
func TestWithOldRows(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		s := openHampers(t, g)
		before := time.Now().Add(-time.Hour)
		_, err := history.Baseline(s.ctx, s.DB.DB, &gift{}, history.BaselineOptions{})
		s.ok(err)
		began := history.After(lastRecord(t, s.DB.DB))
		s.ok(s.DB.Exec("DELETE FROM gifts WHERE id = 2").Error)
		s.do("rename", func(db *gorm.DB) error { return db.Model(&gift{ID: 1}).Update("name", "figs").Error })
		if got := s.giftsThen(s.DB.DB, began); got != "old[{1 1 nuts} {2 1 wine}]" {
			t.Errorf("at the beginning: %s", got)
		}
		if got := s.giftsThen(s.DB.DB, history.After(lastRecord(t, s.DB.DB))); got != "old[{1 1 figs}]" {
			t.Errorf("now: %s", got)
		}
		h := hamper{ID: 1}
		if err := history.AsOf(s.ctx, s.DB.DB, &h, before, history.With("Gifts")); !errors.Is(err, history.ErrBeforeTrail) {
			t.Errorf("before the trail: %v, %+v", err, h)
		}
		n, err := history.Of(s.DB.DB, &hamper{ID: 1}).With("Gifts").Count(s.ctx)
		if err != nil || n != 3 { // two baselines and the update
			t.Errorf("%d records, %v", n, err)
		}
		done, err := history.RevertTo(s.ctx, s.DB.DB, &hamper{ID: 1}, began, history.With("Gifts"))
		if err == nil || !errors.Is(err, history.ErrConflict) {
			t.Errorf("a row went away unrecorded: %+v, %v", done, err)
		}
	})
}

// Associations of a row in the table that the handle names are that row's.
func TestWithNamedTable(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		s := openHampers(t, g)
		year := func() *gorm.DB { return s.DB.Table("hampers_2024") }
		s.ok(year().Create(map[string]any{"id": 1, "name": "new"}).Error)
		created := history.After(lastRecord(t, s.DB.DB))
		s.ok(year().Where("id = 1").Update("name", "newer").Error)
		s.do("change", func(db *gorm.DB) error { return db.Model(&gift{ID: 1}).Update("name", "figs").Error })
		if got := s.giftsThen(year(), created); got != "new[{1 1 nuts} {2 1 wine}]" {
			t.Errorf("as of the creation: %s", got)
		}
		records, err := history.Of(year(), &hamper{ID: 1}).With("Gifts").Find(s.ctx)
		s.ok(err)
		var tables []string
		for _, r := range records {
			tables = append(tables, r.Table)
		}
		if fmt.Sprint(tables) != "[hampers_2024 hampers_2024 gifts]" {
			t.Errorf("records of %v", tables)
		}
		_, err = history.RevertTo(s.ctx, year(), &hamper{ID: 1}, created, history.With("Gifts"), history.ModelOf("hampers_2024", &hamper{}))
		s.ok(err)
		if got := rowsOf(t, s.DB.DB, "hampers_2024"); got != "[map[id:1 name:new]]" {
			t.Errorf("set back: %s", got)
		}
		if got := rowsOf(t, s.DB.DB, "hampers"); got != "[map[id:1 name:old]]" {
			t.Errorf("the other table: %s", got)
		}
		if got := s.giftsThen(year(), history.After(lastRecord(t, s.DB.DB))); got != "new[{1 1 nuts} {2 1 wine}]" {
			t.Errorf("all of it: %s", got)
		}
	})
}
