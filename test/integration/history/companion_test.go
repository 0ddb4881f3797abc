package history_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/history"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
	"github.com/gorm-audit/auditplugin/trigger"
	"gorm.io/gorm"
)

type buoy struct {
	ID   uint    `gorm:"primaryKey;autoIncrement:false"`
	Name string  `gorm:"size:20"`
	Deep float64 //
	Note *string `gorm:"size:20"`
}

func buoysText(all []buoy) (text string) {
	for _, b := range all {
		note := "none"
		if b.Note != nil {
			note = *b.Note
		}
		text += fmt.Sprintln(b.ID, b.Name, b.Deep, note)
	}
	return text
}

// Rows that GORM and other programs write in turn, beside companion triggers, are one
// history: each state comes back, and each change can be undone.
func TestHistoriesBesideCompanionTriggers(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		db := g.Open(t, migrated(&buoy{}), testdb.WithPlugin(auditplugin.WithCompanion()))
		must(t, trigger.Install(db.DB, trigger.For(&buoy{})))
		ctx := context.Background()
		sent := func(statement string) func() error {
			return func() error { _, err := db.Raw.Exec(statement); return err }
		}
		plain := db.Plain(t)
		rows := func() string {
			var all []buoy
			must(t, plain.Order("id").Find(&all).Error)
			return buoysText(all)
		}
		var records []audit.Record
		states := []string{rows()}
		for n, f := range []func() error{
			func() error { return db.Create(&buoy{ID: 1, Name: "a", Deep: 0.1}).Error },
			sent("UPDATE buoys SET deep = 2.5, note = 'x' WHERE id = 1"),
			func() error { return db.Model(&buoy{ID: 1}).Updates(map[string]any{"name": "b", "note": nil}).Error },
			func() error { return db.Exec("UPDATE buoys SET name = 'c' WHERE id = 1").Error },
			sent("UPDATE buoys SET id = 4 WHERE id = 1"),
			func() error { return db.Model(&buoy{ID: 4}).Update("note", "y").Error },
			sent("INSERT INTO buoys (id, name, deep) VALUES (1, 'other', 7)"),
			sent("DELETE FROM buoys WHERE id = 4"),
			func() error { return db.Delete(&buoy{ID: 1}).Error },
			func() error { return db.Create(&buoy{ID: 4, Name: "again"}).Error },
		} {
			must(t, f())
			states = append(states, rows())
			last, err := history.Search(db.DB).Scopes(func(tx *gorm.DB) *gorm.DB {
				return tx.Where("table_name = 'buoys' AND record_id <> '' AND action <> 'raw'")
			}).Newest().First(ctx)
			must(t, err)
			if n > 0 && last.ID == records[n-1].ID {
				t.Fatalf("step %d has no record", n)
			}
			records = append(records, last)
		}
		for n, r := range records {
			var all []buoy
			for _, id := range []uint{1, 4} {
				b := buoy{ID: id}
				err := history.AsOf(ctx, db.DB, &b, history.After(r))
				if err == nil {
					all = append(all, b)
				} else if !errors.Is(err, history.ErrNotFound) {
					t.Errorf("row %d after step %d: %v", id, n, err)
				}
			}
			if got := buoysText(all); got != states[n+1] {
				t.Errorf("after step %d: %s, was %s", n, got, states[n+1])
			}
		}
		for n := len(records) - 1; n >= 0; n-- {
			if _, err := history.Revert(ctx, db.DB, records[n]); err != nil {
				t.Fatalf("undoing step %d, %s: %v", n, records[n].Action, err)
			}
			if got := rows(); got != states[n] {
				t.Errorf("undoing step %d: %s, was %s", n, got, states[n])
			}
		}
	})
}
