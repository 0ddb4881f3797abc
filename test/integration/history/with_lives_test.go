package history_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/gorm-audit/auditplugin/history"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
	"gorm.io/gorm"
)

type shed struct {
	ID    uint   `gorm:"primaryKey;autoIncrement:false"`
	Name  string `gorm:"size:20"`
	Tools []tool `gorm:"foreignKey:ShedID"`
	Users []user `gorm:"many2many:shed_users"`
}

type tool struct {
	ID     uint `gorm:"primaryKey;autoIncrement:false"`
	ShedID uint
	Name   string `gorm:"size:20;unique"`
}

type user struct {
	ID   uint   `gorm:"primaryKey;autoIncrement:false"`
	Name string `gorm:"size:20"`
}

// A row and what belonged to it, each of which was deleted and created again under its key:
// every moment is that of its own life, and all of it is set back to any of them.
func TestWithTwoLives(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		db := g.Open(t, migrated(&user{}, &shed{}, &tool{}))
		ctx := context.Background()
		with := history.With("Tools", "Users")
		gone := func(tx *gorm.DB) error {
			return errors.Join(tx.Table("shed_users").Where("shed_id = 1").Delete(map[string]any{}).Error,
				tx.Where("shed_id = 1").Delete(&tool{}).Error, tx.Delete(&shed{ID: 1}).Error)
		}
		look := func(s shed) string { return fmt.Sprintf("%+v", s) }
		load := func() string {
			ordered := func(tx *gorm.DB) *gorm.DB { return tx.Order("id") }
			var s []shed
			must(t, db.Plain(t).Preload("Tools", ordered).Preload("Users", ordered).Find(&s, 1).Error)
			if len(s) == 0 {
				return "none"
			}
			return look(s[0])
		}
		must(t, db.Create(&[]user{{1, "ann"}, {2, "bob"}}).Error)
		var moments []history.Moment
		var states []string
		for _, f := range []func(tx *gorm.DB) error{
			func(tx *gorm.DB) error {
				return tx.Create(&shed{1, "old", []tool{{1, 1, "saw"}, {2, 1, "axe"}}, []user{{1, "ann"}}}).Error
			},
			func(tx *gorm.DB) error { return tx.Model(&tool{ID: 2}).Update("name", "adze").Error },
			gone,
			func(tx *gorm.DB) error {
				return tx.Create(&shed{1, "new", []tool{{2, 1, "saw"}, {3, 1, "axe"}}, []user{{2, "bob"}}}).Error
			},
			func(tx *gorm.DB) error { return tx.Model(&tool{ID: 3}).Update("name", "adze").Error },
			gone,
		} {
			must(t, db.Transaction(f))
			moments, states = append(moments, history.After(lastRecord(t, db.DB))), append(states, load())
		}
		check := func(when string) {
			t.Helper()
			for n, m := range moments {
				s := shed{ID: 1}
				got := "none"
				if err := history.AsOf(ctx, db.DB, &s, m, with); !errors.Is(err, history.ErrNotFound) {
					must(t, err)
					got = look(s)
				}
				if got != states[n] {
					t.Errorf("%s, as of %d: %s, was %s", when, n, got, states[n])
				}
			}
		}
		check("at the end")
		for _, n := range []int{1, 4, 0, 3, 2, 1} {
			if _, err := history.RevertTo(ctx, db.DB, &shed{ID: 1}, moments[n], with); err != nil {
				t.Fatalf("back to %d: %v", n, err)
			}
			if got := load(); got != states[n] {
				t.Errorf("back to %d: %s, was %s", n, got, states[n])
			}
			check(fmt.Sprint("back at ", n))
		}
	})
}
