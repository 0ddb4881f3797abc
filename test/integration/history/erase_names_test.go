package history_test

import (
	"context"
	"testing"

	"github.com/gorm-audit/auditplugin/history"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
)

type outing struct {
	ID      uint   `gorm:"primaryKey;autoIncrement:false"`
	Name    string `gorm:"size:20"`
	Planned string `gorm:"size:20"`
}

// A text that is a part of a column's name is no reason to erase the column.
func TestEraseLeavesNamesOfColumns(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		db := g.Open(t, migrated(&outing{}))
		ctx := context.Background()
		must(t, db.Create(&outing{ID: 1, Name: "ann", Planned: "first"}).Error)
		created := lastRecord(t, db.DB)
		must(t, db.Model(&outing{ID: 1}).Updates(map[string]any{"name": "bob", "planned": "second"}).Error)
		changed := lastRecord(t, db.DB)
		_, err := history.Erase(ctx, db.DB, history.EraseOptions{Values: []string{"ann"}})
		must(t, err)
		var gaps history.Gaps
		for _, c := range []struct {
			m    history.Moment
			want outing
		}{{history.After(created), outing{1, "", "first"}}, {history.After(changed), outing{1, "bob", "second"}}} {
			got := outing{ID: 1}
			must(t, history.AsOf(ctx, db.DB, &got, c.m, history.Partial(&gaps)))
			if got != c.want {
				t.Errorf("got %+v, gaps %+v, want %+v", got, gaps, c.want)
			}
		}
		_, err = history.Revert(ctx, db.DB, changed, history.SkipUnknown())
		must(t, err)
		if got := rowsOf(t, db.DB, "outings"); got != "[map[id:1 name:bob planned:first]]" {
			t.Errorf("undone: %s", got)
		}
	})
}

// A baseline is one still when its values are erased: its row was there.
func TestErasedBaseline(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		db := g.Open(t, migrated(&outing{}))
		ctx := context.Background()
		_, err := db.Raw.Exec("INSERT INTO outings (id, name, planned) VALUES (1, 'ann', 'x')")
		must(t, err)
		_, err = history.Baseline(ctx, db.DB, &outing{}, history.BaselineOptions{})
		must(t, err)
		began := history.After(lastRecord(t, db.DB))
		_, err = history.Erase(ctx, db.DB, history.EraseOptions{Records: []history.Query{history.Of(db.DB, &outing{ID: 1})}})
		must(t, err)
		must(t, db.Exec("DELETE FROM outings").Error)
		var gaps history.Gaps
		got := outing{ID: 1}
		if err := history.AsOf(ctx, db.DB, &got, began, history.Partial(&gaps)); err != nil || len(gaps.Erased) != 2 {
			t.Errorf("%v, gaps %+v", err, gaps)
		}
		n := 0
		for _, err := range history.AsOfAll[outing](ctx, db.DB, began, history.Partial(&gaps)) {
			must(t, err)
			n++
		}
		if n != 1 {
			t.Errorf("%d rows", n)
		}
	})
}
