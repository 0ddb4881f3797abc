package history_test

import (
	"context"
	"strings"
	"testing"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/history"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
	"gorm.io/gorm"
)

type treatise struct {
	Path string `gorm:"primaryKey;size:700"`
	Name string `gorm:"size:20"`
}

// A key that is longer than the column record_id has its end cut there. Rows come back with
// the whole of it, and are found by it.
func TestKeysLongerThanTheirColumn(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		db := g.Open(t, migrated(&treatise{}))
		ctx := context.Background()
		a, b := strings.Repeat("k", 600)+"a", strings.Repeat("k", 600)+"b"
		must(t, db.Create(&[]treatise{{a, "a"}, {b, "b"}}).Error)
		then := history.After(lastRecord(t, db.DB))
		var records []audit.Record
		var states []string
		for _, f := range []func(tx *gorm.DB) error{
			func(tx *gorm.DB) error { return tx.Model(&treatise{Path: a}).Update("name", "a2").Error },
			func(tx *gorm.DB) error { return tx.Model(&treatise{Path: a}).Update("path", a+" moved").Error },
			func(tx *gorm.DB) error { return tx.Model(&treatise{Path: a + " moved"}).Update("name", "a3").Error },
			func(tx *gorm.DB) error { return tx.Delete(&treatise{Path: b}).Error },
			func(tx *gorm.DB) error { return tx.Create(&treatise{b + "c", "c"}).Error },
		} {
			states = append(states, rowsOf(t, db.Plain(t), "treatises"))
			must(t, f(db.DB))
			records = append(records, lastRecord(t, db.DB))
		}
		all := map[string]string{}
		for row, err := range history.AsOfAll[treatise](ctx, db.DB, then) {
			must(t, err)
			all[row.Path] = row.Name
		}
		if len(all) != 2 || all[a] != "a" || all[b] != "b" {
			t.Errorf("all rows: %v", all)
		}
		for n := len(records) - 1; n >= 0; n-- {
			if _, err := history.Revert(ctx, db.DB, records[n]); err != nil {
				t.Fatalf("undoing %d: %v", n, err)
			}
			if got := rowsOf(t, db.Plain(t), "treatises"); got != states[n] {
				t.Errorf("undoing %d: %s, was %s", n, got, states[n])
			}
		}
	})
}
