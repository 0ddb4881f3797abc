package history_test

import (
	"fmt"
	"testing"

	"github.com/gorm-audit/auditplugin/history"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
	"gorm.io/gorm"
)

// isle has a key that is a part of its harbours' own, and of its winds' rows.
type isle struct {
	Code     string    `gorm:"primaryKey;size:10"`
	Name     string    `gorm:"size:10"`
	Harbours []harbour `gorm:"foreignKey:IsleCode;references:Code;constraint:OnUpdate:CASCADE,OnDelete:CASCADE"`
	Winds    []wind    `gorm:"many2many:isle_winds;constraint:OnUpdate:CASCADE,OnDelete:CASCADE"`
}

type harbour struct {
	IsleCode string `gorm:"primaryKey;size:10"`
	No       int    `gorm:"primaryKey;autoIncrement:false"`
	Depth    int
}

type wind struct {
	Word string `gorm:"primaryKey;size:10"`
}

// Rows that had the key for a while belong for that while, although the records by which
// their key changed name another part of it.
func TestWithKeysThatMove(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		s := scene{t, g.Open(t, migrated(&wind{}, &isle{}, &harbour{})), t.Context()}
		with := []string{"Harbours", "Winds"}
		load := func(code string) string {
			is := isle{Code: code}
			s.ok(s.DB.Preload("Harbours", func(tx *gorm.DB) *gorm.DB { return tx.Order("no") }).Preload("Winds", func(tx *gorm.DB) *gorm.DB { return tx.Order("word") }).
				Find(&is).Error)
			return fmt.Sprint(is)
		}
		type state struct {
			m  history.Moment
			is string
		}
		var states []state
		for _, step := range []struct {
			code, reason string
			f            func(db *gorm.DB) error
		}{
			{"a", "made", func(db *gorm.DB) error {
				return db.Create(&isle{Code: "a", Harbours: []harbour{{No: 1}, {No: 2}}, Winds: []wind{{"east"}, {"west"}}}).Error
			}},
			{"c", "renamed", func(db *gorm.DB) error { return db.Model(&isle{}).Where("code = 'a'").Update("code", "c").Error }},
			{"c", "numbered", func(db *gorm.DB) error {
				return db.Model(&harbour{}).Where("no = 2").Update("no", 5).Error
			}},
			{"c", "wind renamed", func(db *gorm.DB) error { return db.Model(&wind{}).Where("word = 'east'").Update("word", "north").Error }},
			{"c", "dug", func(db *gorm.DB) error { return db.Model(&harbour{}).Where("no = 5").Update("depth", 3).Error }},
			{"a", "back", func(db *gorm.DB) error { return db.Model(&isle{}).Where("code = 'c'").Update("code", "a").Error }},
			{"a", "dug again", func(db *gorm.DB) error { return db.Model(&harbour{}).Where("no = 5").Update("depth", 4).Error }},
			{"a", "gone", func(db *gorm.DB) error { return db.Where("no = 1").Delete(&harbour{}).Error }},
		} {
			s.do(step.reason, step.f)
			states = append(states, state{history.After(lastRecord(t, s.DB.DB)), load(step.code)})
		}
		for n, code := range []string{"a", "c", "c", "c", "c", "a", "a", "a"} {
			got := isle{Code: code}
			s.ok(history.AsOf(s.ctx, s.DB.DB, &got, states[n].m, history.With(with...)))
			if is := fmt.Sprint(got); is != states[n].is {
				t.Errorf("state %d: %s, was %s", n, is, states[n].is)
			}
		}
		s.tells("c", history.Of(s.DB.DB, &isle{Code: "c"}).With("Harbours"),
			`Harbours: update harbour ["a","1"] (renamed)`,
			`Harbours: update harbour ["a","2"] (renamed)`,
			`Harbours: update harbour ["c","2"] (numbered)`,
			`Harbours: update harbour ["c","5"] (dug)`,
			`: update isle c (back)`,
			`Harbours: update harbour ["c","1"] (back)`,
			`Harbours: update harbour ["c","5"] (back)`)
		s.tells("a", history.Of(s.DB.DB, &isle{Code: "a"}).With("Harbours").Newest().Limit(4),
			`Harbours: delete harbour ["a","1"] (gone)`,
			`Harbours: update harbour ["a","5"] (dug again)`,
			`Harbours: update harbour ["c","5"] (back)`,
			`Harbours: update harbour ["c","1"] (back)`)
	})
}
