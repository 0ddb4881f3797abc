package history_test

import (
	"context"
	"errors"
	"testing"

	"github.com/gorm-audit/auditplugin/history"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
)

type lane struct {
	ID   uint   `gorm:"primaryKey;autoIncrement:false"`
	Code string `gorm:"size:20;unique"`
	Cars []car  `gorm:"foreignKey:LaneCode;references:Code;constraint:OnUpdate:SET NULL"`
}

type car struct {
	ID       uint    `gorm:"primaryKey;autoIncrement:false"`
	LaneCode *string `gorm:"size:20"`
}

// Others that would lose what they refer to are not changed unasked.
func TestRevertThatOthersWouldLose(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		db := g.Open(t, migrated(&lane{}, &car{}))
		ctx := context.Background()
		must(t, db.Create(&lane{ID: 1, Code: "a", Cars: []car{{ID: 1}}}).Error)
		created := history.After(lastRecord(t, db.DB))
		var was, is string
		state := func() string { return rowsOf(t, db.Plain(t), "lanes") + rowsOf(t, db.Plain(t), "cars") }
		was = state()
		must(t, db.Model(&lane{ID: 1}).Update("code", "b").Error) // which car 1 loses
		renamed, err := history.Of(db.DB, &lane{ID: 1}).Newest().First(ctx)
		must(t, err)
		must(t, db.Create(&car{ID: 2, LaneCode: pointer("b")}).Error)
		is = state()
		for name, undo := range map[string]func(opts ...history.Option) error{
			"revert": func(opts ...history.Option) error { _, err := history.Revert(ctx, db.DB, renamed, opts...); return err },
			"to": func(opts ...history.Option) error {
				_, err := history.RevertTo(ctx, db.DB, &lane{ID: 1}, created, opts...)
				return err
			},
		} {
			if err := undo(); !errors.Is(err, history.ErrConflict) || state() != is {
				t.Errorf("%s: %v, %s", name, err, state())
			}
			must(t, undo(history.Force(), history.DryRun()))
		}
		// What is set back along with it is no loss.
		must(t, db.Delete(&car{ID: 2}).Error)
		_, err = history.Revert(ctx, db.DB, renamed)
		must(t, err)
		if got := state(); got != was {
			t.Errorf("undone: %s, was %s", got, was)
		}
	})
}
