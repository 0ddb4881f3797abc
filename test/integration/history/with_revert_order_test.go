package history_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/gorm-audit/auditplugin/history"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
	"gorm.io/gorm"
)

// quay has moors whose unique values go from one to another, and a tree of notes.
type quay struct {
	ID    uint    `gorm:"primaryKey;autoIncrement:false"`
	Moors []moor  `gorm:"foreignKey:QuayID"`
	Notes []aside `gorm:"foreignKey:QuayID"`
}

type moor struct {
	ID     uint `gorm:"primaryKey;autoIncrement:false"`
	QuayID uint
	Place  int     `gorm:"unique"`
	Flag   *string `gorm:"size:20;unique"`
}

type aside struct {
	ID      uint `gorm:"primaryKey;autoIncrement:false"`
	QuayID  uint
	AboutID *uint
	About   *aside `gorm:"constraint:OnDelete:CASCADE"`
}

// backTo demands that a row and what belongs to it is set back, and that undoing that
// leads to the present again.
func (u *undoneWhole) backTo(model any, then history.Moment, was string, opts ...history.Option) {
	u.Helper()
	is := u.look()
	done, err := history.RevertTo(context.Background(), u.db.DB, model, then, opts...)
	if err != nil {
		u.Fatal(err)
	}
	if got := u.look(); got != was {
		u.Fatalf("got\n%swas\n%s%+v", got, was, done.Steps)
	}
	redo := lastRecord(u.T, u.db.DB).TransactionID
	if _, err := history.RevertTransaction(context.Background(), u.db.DB, redo); err != nil {
		u.Fatalf("redoing: %v", err)
	}
	if got := u.look(); got != is {
		u.Fatalf("redone: got\n%swas\n%s", got, is)
	}
}

// What rows of one table have handed on to each other is handed back, and a tree is set up
// and taken down in its order.
func TestRevertToWithWhatIsHandedOn(t *testing.T) {
	set := func(id uint, column string, to any) func(tx *gorm.DB) error {
		return func(tx *gorm.DB) error { return tx.Model(&moor{}).Where("id = ?", id).Update(column, to).Error }
	}
	add := func(notes ...aside) func(tx *gorm.DB) error {
		return func(tx *gorm.DB) error { return tx.Create(&notes).Error }
	}
	remove := func(id uint) func(tx *gorm.DB) error {
		return func(tx *gorm.DB) error { return tx.Delete(&aside{ID: id}).Error }
	}
	for name, steps := range map[string][]func(tx *gorm.DB) error{
		"swapped":                                {set(1, "place", 9), set(2, "place", 1), set(1, "place", 2)},
		"swapped NULL":                           {set(1, "flag", nil), set(2, "flag", "a"), set(1, "flag", "b")},
		"ring":                                   {set(1, "place", 9), set(2, "place", 1), set(3, "place", 2), set(1, "place", 3)},
		"moved down":                             {set(1, "place", 0), set(2, "place", 1), set(3, "place", 2)},
		"moved up":                               {set(3, "place", 4), set(2, "place", 3), set(1, "place", 2)},
		"twice":                                  {set(1, "place", 9), set(3, "place", 1), set(3, "place", 8), set(2, "place", 3), set(1, "place", 2)},
		"other changed first":                    {set(2, "flag", "z"), set(1, "place", 9), set(2, "place", 1), set(1, "place", 2)},
		"handed on, gone":                        {func(tx *gorm.DB) error { return tx.Delete(&moor{ID: 1}).Error }, set(2, "place", 1), set(3, "place", 2)},
		"handed on, new":                         {set(1, "place", 9), func(tx *gorm.DB) error { return tx.Create(&moor{ID: 7, QuayID: 1, Place: 1}).Error }},
		"notes come, the higher about the lower": {add(aside{ID: 5, QuayID: 1}), add(aside{ID: 6, QuayID: 1, AboutID: noted(5)})},
		"notes come, the lower about the higher": {add(aside{ID: 6, QuayID: 1}), add(aside{ID: 5, QuayID: 1, AboutID: noted(6)})},
		"notes go, the lower about the higher":   {remove(1), remove(2), remove(3)},
		"a note about itself comes":              {add(aside{ID: 7, QuayID: 1, AboutID: noted(7)})},
		"notes turn": {
			func(tx *gorm.DB) error { return tx.Model(&aside{ID: 1}).Update("about_id", nil).Error },
			func(tx *gorm.DB) error { return tx.Model(&aside{ID: 3}).Update("about_id", 1).Error },
			remove(2),
		},
	} {
		t.Run(name, func(t *testing.T) {
			testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
				db := g.Open(t, migrated(&quay{}, &moor{}, &aside{}))
				u := &undoneWhole{T: t, db: db, tables: []string{"moors", "asides"}}
				must(t, db.Create(&quay{ID: 1, Moors: []moor{{ID: 1, Place: 1, Flag: pointer("a")}, {ID: 2, Place: 2, Flag: pointer("b")}, {ID: 3, Place: 3}}}).Error)
				must(t, db.Create(&[]aside{{ID: 3, QuayID: 1}, {ID: 2, QuayID: 1, AboutID: noted(3)}, {ID: 1, QuayID: 1, AboutID: noted(3)}}).Error)
				then, was := history.After(lastRecord(t, db.DB)), u.look()
				for n, f := range steps {
					if err := f(db.DB); err != nil {
						t.Fatal(fmt.Errorf("step %d: %w", n, err))
					}
				}
				u.backTo(&quay{ID: 1}, then, was, history.With("Moors", "Notes"))
			})
		})
	}
}

// The rows of one statement have no order: MySQL changes them in the one that the statement
// gives, others in that of their files.
func TestRevertOfAShift(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		db := g.Open(t, migrated(&quay{}, &moor{}))
		u := &undoneWhole{T: t, db: db, tables: []string{"moors"}}
		must(t, db.Create(&quay{ID: 1}).Error)
		u.do(func(tx *gorm.DB) error {
			for id := uint(4); id > 0; id-- {
				place := int(id)
				if g.Dialect == testdb.SQLite { // it goes by the key
					place = 5 - place
				}
				if err := tx.Create(&moor{ID: id, QuayID: 1, Place: place}).Error; err != nil {
					return err
				}
			}
			return nil
		})
		shift := func(tx *gorm.DB) error {
			tx = tx.Model(&moor{}).Where("id > 0")
			if g.Dialect == testdb.MySQL {
				tx = tx.Order("place DESC")
			}
			return tx.UpdateColumn("place", gorm.Expr("place + 1")).Error
		}
		u.do(shift)
		u.do(func(tx *gorm.DB) error {
			return tx.Model(&moor{}).Where("id > 0").UpdateColumn("place", gorm.Expr("place + 100")).Error
		})
		u.undo()
	})
}

type depotRoot struct {
	ID    uint       `gorm:"primaryKey;autoIncrement:false"`
	Posts []postCode `gorm:"foreignKey:RootID"`
}

type postCode struct {
	ID      uint `gorm:"primaryKey;autoIncrement:false"`
	RootID  uint
	Code    *string `gorm:"size:20;unique"`
	Letters []mail  `gorm:"foreignKey:Code;references:Code;constraint:OnUpdate:CASCADE"`
}

type mail struct {
	ID   uint    `gorm:"primaryKey;autoIncrement:false"`
	Code *string `gorm:"size:20"`
}

// What refers to a unique value that goes round follows it, and is not lost on the way.
func TestRevertToWithRingsThatOthersFollow(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		db := g.Open(t, migrated(&depotRoot{}, &postCode{}, &mail{}))
		u := &undoneWhole{T: t, db: db, tables: []string{"post_codes", "mails"}}
		must(t, db.Create(&depotRoot{ID: 1, Posts: []postCode{
			{ID: 1, Code: pointer("a"), Letters: []mail{{ID: 1}}}, {ID: 2, Code: pointer("b"), Letters: []mail{{ID: 2}}},
		}}).Error)
		then, was := history.After(lastRecord(t, db.DB)), u.look()
		for _, move := range []struct {
			id   uint
			code string
		}{{1, "x"}, {2, "a"}, {1, "b"}} {
			must(t, db.Model(&postCode{}).Where("id = ?", move.id).Update("code", move.code).Error)
		}
		u.backTo(&depotRoot{ID: 1}, then, was, history.With("Posts"))
	})
}
