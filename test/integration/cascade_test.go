package integration

import (
	"testing"

	"github.com/gorm-audit/auditplugin/test/integration/oracle"
	"gorm.io/gorm"
)

// Team owns players, who own trophies; sponsors only refer to it.
type Team struct {
	ID       uint
	Name     string    `gorm:"size:40;uniqueIndex"`
	Players  []Player  `gorm:"constraint:OnDelete:CASCADE"`
	Sponsors []Sponsor `gorm:"constraint:OnDelete:SET NULL"`
}

// Player goes with the team.
type Player struct {
	ID       uint
	TeamID   uint
	Name     string   `gorm:"size:40"`
	Trophies []Trophy `gorm:"constraint:OnDelete:CASCADE"`
}

// Trophy goes with the player.
type Trophy struct {
	ID       uint
	PlayerID uint
	Title    string `gorm:"size:40"`
}

// Sponsor stays without the team.
type Sponsor struct {
	ID     uint
	TeamID *uint
	Name   string `gorm:"size:40"`
}

func league() scene {
	return scene{
		models: []any{&Team{}, &Player{}, &Trophy{}, &Sponsor{}},
		seed: func(db *gorm.DB) error {
			return db.Create(&[]Team{
				{Name: "a", Players: []Player{{Name: "p1", Trophies: []Trophy{{Title: "t1"}, {Title: "t2"}}}, {Name: "p2"}}, Sponsors: []Sponsor{{Name: "s1"}}},
				{Name: "b", Players: []Player{{Name: "p3", Trophies: []Trophy{{Title: "t3"}}}}, Sponsors: []Sponsor{{Name: "s2"}}},
			}).Error
		},
		mysql: []oracle.Option{oracle.Snapshot("players", "trophies", "sponsors")},
	}
}

func TestCascadeDelete(t *testing.T) {
	league().capture(t, func(s *stage) {
		s.ok(s.db.Delete(&Team{ID: 1}))
		s.expect("1 delete teams", "2 delete players", "2 delete trophies", "1 update sponsors")
		s.causes("teams")
	})
}

func TestCascadeDeleteManyRows(t *testing.T) {
	league().capture(t, func(s *stage) {
		s.ok(s.db.Where("name IN ?", []string{"a", "b"}).Delete(&Team{}))
		s.expect("2 delete teams", "3 delete players", "3 delete trophies", "2 update sponsors")
		s.causes("teams")
	})
}

func TestCascadeDeleteInTransaction(t *testing.T) {
	league().capture(t, func(s *stage) {
		s.try(s.db.Transaction(func(tx *gorm.DB) error {
			if err := tx.Create(&Player{TeamID: 1, Name: "late"}).Error; err != nil {
				return err
			}
			return tx.Delete(&Team{}, 1).Error
		}))
		s.expect("1 create players", "1 delete teams", "3 delete players", "2 delete trophies", "1 update sponsors")
	})
}

func TestCascadeSetNull(t *testing.T) {
	league().capture(t, func(s *stage) {
		s.ok(s.db.Where("team_id = ?", 2).Delete(&Player{}))
		s.ok(s.db.Delete(&Team{}, 2))
		s.expect("1 delete players", "1 delete trophies", "1 update sponsors", "1 delete teams")
	})
}

// causes demands that every record but those of the first table names a cause that
// is in the trail.
func (s *stage) causes(first string) {
	s.Helper()
	trail := s.trail()
	ids := map[string]string{}
	for _, e := range trail {
		ids[e.ID] = e.Table
	}
	for _, e := range trail {
		if e.Table == first {
			if e.Cause != "" {
				s.Errorf("%s %s has the cause %q", e.Table, e.RecordID, e.Cause)
			}
		} else if ids[e.Cause] == "" {
			s.Errorf("%s %s has the cause %q, which is no record", e.Table, e.RecordID, e.Cause)
		}
	}
}

// Country is referred to by its code.
type Country struct {
	Code   string `gorm:"primaryKey;size:10"`
	Name   string `gorm:"size:40"`
	Cities []City `gorm:"foreignKey:CountryCode;references:Code;constraint:OnUpdate:CASCADE,OnDelete:CASCADE"`
}

// City follows its country's code.
type City struct {
	ID          uint
	CountryCode string `gorm:"size:10"`
	Name        string `gorm:"size:40"`
}

func TestCascadeUpdate(t *testing.T) {
	scene{
		models: []any{&Country{}, &City{}},
		seed: func(db *gorm.DB) error {
			return db.Create(&[]Country{
				{Code: "NO", Cities: []City{{Name: "Oslo"}, {Name: "Moss"}}},
				{Code: "SE", Cities: []City{{Name: "Lund"}}},
			}).Error
		},
		mysql: []oracle.Option{oracle.Snapshot("cities")},
	}.capture(t, func(s *stage) {
		s.ok(s.db.Model(&Country{Code: "NO"}).Update("code", "NOR"))
		s.ok(s.db.Model(&Country{Code: "SE"}).Update("name", "Sweden"))
		s.expect("2 update countries", "2 update cities")
		s.causes("countries")
	})
}

// Node refers to its own table.
type Node struct {
	ID       uint
	ParentID *uint
	Name     string `gorm:"size:40"`
	Children []Node `gorm:"foreignKey:ParentID;constraint:OnDelete:CASCADE"`
}

func TestCascadeSelfReference(t *testing.T) {
	scene{
		models: []any{&Node{}},
		seed: func(db *gorm.DB) error {
			return db.Create(&Node{Name: "root", Children: []Node{
				{Name: "left", Children: []Node{{Name: "deep"}}}, {Name: "right"},
			}}).Error
		},
		mysql: []oracle.Option{oracle.Snapshot("nodes")},
	}.capture(t, func(s *stage) {
		s.ok(s.db.Where("name = ?", "root").Delete(&Node{}))
		s.expect("4 delete nodes")
	})
}
