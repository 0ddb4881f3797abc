package integration

import (
	"fmt"
	"testing"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/test/integration/oracle"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
)

// What an upsert does to a row, foreign keys carry on to others.

// Depot is known by its code.
type Depot struct {
	ID     int    `gorm:"primaryKey;autoIncrement:false"`
	Code   string `gorm:"size:20;uniqueIndex"`
	Text   string `gorm:"size:20"`
	Vans   []Van  `gorm:"foreignKey:DepotCode;references:Code;constraint:OnUpdate:CASCADE,OnDelete:CASCADE"`
	Guards []Post `gorm:"foreignKey:DepotCode;references:Code;constraint:OnUpdate:SET NULL,OnDelete:SET NULL"`
}

// Van follows its depot.
type Van struct {
	ID        int     `gorm:"primaryKey;autoIncrement:false"`
	DepotCode *string `gorm:"size:20"`
}

// Post forgets its depot.
type Post struct {
	ID        int     `gorm:"primaryKey;autoIncrement:false"`
	DepotCode *string `gorm:"size:20"`
}

func depots() scene {
	return scene{
		models: []any{&Depot{}, &Van{}, &Post{}},
		seed: func(db *gorm.DB) error {
			return db.Create(&[]Depot{
				{ID: 1, Code: "a", Vans: []Van{{ID: 1}, {ID: 2}}, Guards: []Post{{ID: 1}}},
				{ID: 2, Code: "b", Vans: []Van{{ID: 3}}},
			}).Error
		},
		mysql: []oracle.Option{oracle.Snapshot("vans", "posts")},
	}
}

func TestUpsertIsCarriedOn(t *testing.T) {
	depots().capture(t, func(s *stage) {
		on := clause.OnConflict{Columns: []clause.Column{{Name: "id"}}, DoUpdates: clause.AssignmentColumns([]string{"code", "text"})}
		s.ok(s.db.Clauses(on).Create(&[]Depot{{ID: 1, Code: "new"}, {ID: 2, Code: "b", Text: "same code"}, {ID: 3, Code: "c"}}))
		s.expect("1 create depots", "2 update depots", "2 update vans", "1 update posts")
		s.causes("depots")
	})
}

func TestReplacedRowsTakeOthersAlong(t *testing.T) {
	sc := depots()
	sc.on(t, testdb.SQLite, func(s *stage) {
		s.ok(s.db.Clauses(modified("OR REPLACE")).Create(&Depot{ID: 1, Code: "a", Text: "replaced"}))
		s.ok(s.db.Clauses(modified("OR REPLACE")).Create(&Depot{ID: 9, Code: "b"}))
		s.causes("depots")
		// Triggers do not see the rows that SQLite replaces.
		s.oracle = nil
		if got := fmt.Sprint(tally(s.trail())); got != "[1 create depots 1 delete depots 1 update depots 1 update posts 3 delete vans]" {
			s.Errorf("recorded are %v", got)
		}
	})
}

// Limb is a tree by codes.
type Limb struct {
	ID     int     `gorm:"primaryKey;autoIncrement:false"`
	Code   string  `gorm:"size:20;unique"`
	OfCode *string `gorm:"size:20"`
	Of     *Limb   `gorm:"foreignKey:OfCode;references:Code;constraint:OnUpdate:CASCADE"`
}

// A row that an upsert is about, and that another of its rows is carried on to, is not read
// once more: such an upsert is refused.
func TestUpsertIsCarriedOnToItsOwnRows(t *testing.T) {
	seed := func(db *gorm.DB) error {
		return db.Create(&[]Limb{{ID: 1, Code: "a"}, {ID: 2, Code: "b", OfCode: ptr("a")}, {ID: 3, Code: "c", OfCode: ptr("b")}}).Error
	}
	on := clause.OnConflict{Columns: []clause.Column{{Name: "id"}}, DoUpdates: clause.AssignmentColumns([]string{"code"})}
	scene{models: []any{&Limb{}}, seed: seed}.capture(t, func(s *stage) {
		if s.db.Target.Dialect == testdb.MySQL {
			s.Skip("InnoDB carries no change on within a table") // error 1451
		}
		s.ok(s.db.Clauses(on).Create(&[]Limb{{ID: 1, Code: "a2"}}))
		s.ok(s.db.Clauses(on).Create(&[]Limb{{ID: 1, Code: "a2"}, {ID: 2, Code: "b"}, {ID: 3, Code: "c"}}))
		s.fails(s.db.Clauses(on).Create(&[]Limb{{ID: 1, Code: "a3"}, {ID: 2, Code: "b"}}).Error, auditplugin.ErrAuditFailed)
		s.expect("2 update limbs")
	})
}
