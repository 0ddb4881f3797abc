package history_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/gorm-audit/auditplugin/history"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// buildSite has two associations of models that share a table, and one of another model of
// its own table; its places are embedded.
type buildSite struct {
	ID     uint
	Name   string      `gorm:"size:40"`
	Kind   string      `gorm:"size:10"`
	NextID *uint       //
	Doors  []buildDoor `gorm:"foreignKey:SiteID"`
	Walls  []buildWall `gorm:"foreignKey:SiteID"`
	Next   *buildStub  `gorm:"foreignKey:NextID"`
	From   buildPlace  `gorm:"embedded;embeddedPrefix:from_"`
	To     buildPlace  `gorm:"embedded;embeddedPrefix:to_"`
}

type buildStub struct {
	ID   uint
	Name string `gorm:"size:40"`
}

type buildPlace struct {
	TownID *uint
	Town   *buildTown
}

type buildTown struct {
	ID   uint
	Name string `gorm:"size:40"`
}

type buildDoor struct {
	ID     uint
	SiteID uint
	Kind   string `gorm:"size:10"`
	Lock   string `gorm:"size:10"`
}

type buildWall struct {
	ID        uint
	SiteID    uint
	Kind      string `gorm:"size:10"`
	Stones    int
	DeletedAt gorm.DeletedAt
}

func (buildStub) TableName() string { return "build_sites" }
func (buildDoor) TableName() string { return "build_parts" }
func (buildWall) TableName() string { return "build_parts" }

func openSites(t *testing.T, g testdb.Target) scene {
	t.Helper()
	s := scene{t, g.Open(t, testdb.WithGORM(func(c *gorm.Config) { c.DisableForeignKeyConstraintWhenMigrating = true }),
		migrated(&buildTown{}, &buildSite{}), migrated(&buildDoor{}), migrated(&buildWall{})), t.Context()}
	s.do("towns", func(db *gorm.DB) error { return db.Create(&[]buildTown{{1, "Oslo"}, {2, "Rome"}}).Error })
	s.do("next", func(db *gorm.DB) error { return db.Create(&buildSite{ID: 2, Name: "next"}).Error })
	s.do("site", func(db *gorm.DB) error {
		return db.Omit("From.Town", "To.Town").Create(&buildSite{ID: 1, Name: "site", NextID: pointer(uint(2)), From: buildPlace{TownID: pointer(uint(1))}, To: buildPlace{TownID: pointer(uint(2))}}).Error
	})
	s.do("parts", func(db *gorm.DB) error {
		return firstError(db.Create(&buildDoor{ID: 1, SiteID: 1, Kind: "door", Lock: "a"}).Error,
			db.Create(&buildWall{ID: 2, SiteID: 1, Kind: "wall", Stones: 7}).Error, db.Delete(&buildWall{ID: 2}).Error)
	})
	return s
}

// Several models may have one table: each association has its own.
func TestWithModelsOfOneTable(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		s := openSites(t, g)
		was := history.After(lastRecord(t, s.DB.DB))
		s.do("changes", func(db *gorm.DB) error {
			return firstError(db.Model(&buildDoor{ID: 1}).Update("lock", "b").Error, db.Unscoped().Delete(&buildWall{ID: 2}).Error,
				db.Model(&buildSite{ID: 2}).Update("name", "renamed").Error)
		})
		with := history.With("Walls", "Doors", "Next")
		site := buildSite{ID: 1}
		s.ok(history.AsOf(s.ctx, s.DB.DB, &site, was, with))
		// A door knows no soft deletion, and nothing tells the one from the other.
		if got := fmt.Sprint(len(site.Walls), site.Walls[0].Kind, site.Doors, *site.Next); got != "1door[{1 1 door a} {2 1 wall }] {2 next}" {
			t.Errorf("as of then: %s", got)
		}
		_, err := history.RevertTo(s.ctx, s.DB.DB, &buildSite{ID: 1}, was, with)
		s.ok(err)
		var doors []buildDoor
		var walls []buildWall
		s.ok(firstError(s.DB.Order("id").Find(&doors).Error, s.DB.Unscoped().Find(&walls, "kind = 'wall'").Error))
		if got := fmt.Sprint(doors, len(walls), walls[0].DeletedAt.Valid); got != "[{1 1 door a} {2 1 wall }] 1 true" {
			t.Errorf("set back: %s", got)
		}
	})
}

// Associations of embedded structs are named with the struct, as with Preload.
func TestWithEmbedded(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		s := openSites(t, g)
		was := history.After(lastRecord(t, s.DB.DB))
		s.do("moved", func(db *gorm.DB) error {
			return firstError(db.Model(&buildSite{ID: 1}).Update("from_town_id", 2).Error, db.Model(&buildTown{ID: 1}).Update("name", "x").Error)
		})
		for _, names := range [][]string{{clause.Associations}, {"From.Town", "To.Town"}} {
			site := buildSite{ID: 1}
			s.ok(history.AsOf(s.ctx, s.DB.DB, &site, was, history.With(names...)))
			if site.From.Town == nil || site.To.Town == nil || site.From.Town.Name != "Oslo" || site.To.Town.Name != "Rome" {
				t.Errorf("%q: from %+v to %+v", names, site.From.Town, site.To.Town)
			}
		}
	})
}

// A pruning by type is known whichever of the models that share a table asks.
func TestPrunedForModelsOfOneTable(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		s := openSites(t, g)
		was := history.After(lastRecord(t, s.DB.DB))
		s.do("renamed", func(db *gorm.DB) error { return db.Model(&buildSite{ID: 1}).Update("name", "renamed").Error })
		s.do("renamed, too", func(db *gorm.DB) error { return db.Model(&buildSite{ID: 2}).Update("name", "renamed").Error })
		_, err := s.DB.Raw.Exec("UPDATE audit_logs SET occurred_at = '2024-01-01 00:00:00.000000' WHERE table_name = 'build_sites' AND record_id = '1'")
		s.ok(err)
		_, err = history.Prune(s.ctx, s.DB.DB, history.PruneOptions{OlderThan: time.Date(2024, 6, 1, 0, 0, 0, 0, time.UTC), Types: []string{"build_site"}})
		s.ok(err)
		stub := buildStub{ID: 1}
		if err := history.AsOf(s.ctx, s.DB.DB, &stub, was); !errors.Is(err, history.ErrPruned) {
			t.Errorf("as of then: %+v, %v", stub, err)
		}
	})
}
