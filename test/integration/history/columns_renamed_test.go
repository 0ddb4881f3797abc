package history_test

import (
	"context"
	"testing"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/history"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
)

type voucher struct {
	ID    uint
	Name  string `gorm:"size:20"`
	Note  string `gorm:"size:20"`
	Extra string `gorm:"size:20"`
}

// A process that has written to a table undoes changes of it although another one has since
// renamed a column, be it the key or one that has nothing to do with the change.
func TestRevertAfterAColumnWasRenamedElsewhere(t *testing.T) {
	type remarked struct {
		ID                  uint
		Name, Remark, Extra string
	}
	type numbered struct {
		No                uint `gorm:"primaryKey"`
		Name, Note, Extra string
	}
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		for _, c := range []struct {
			from, to string
			model    any
		}{{"note", "remark", &remarked{}}, {"id", "no", &numbered{}}} {
			for n, undone := range []string{"create", "update", "delete"} {
				t.Run(c.from+" "+undone, func(t *testing.T) {
					db := g.Open(t, migrated(&voucher{}))
					ctx := context.Background()
					must(t, db.Create(&voucher{ID: 1, Name: "first", Note: "n"}).Error)
					records := []audit.Record{lastRecord(t, db.DB)}
					if n > 0 {
						must(t, db.Model(&voucher{ID: 1}).Update("name", "second").Error)
						records = append(records, lastRecord(t, db.DB))
					}
					if n > 1 {
						must(t, db.Delete(&voucher{ID: 1}).Error)
						records = append(records, lastRecord(t, db.DB))
					}
					_, err := db.Raw.Exec("ALTER TABLE vouchers RENAME COLUMN " + c.from + " TO " + c.to)
					must(t, err)
					told := history.Asking(func(q history.Query) history.Query { return q.Alias(c.from, c.to) })
					_, err = history.Revert(ctx, db.DB, records[n], history.ModelOf("vouchers", c.model), told)
					must(t, err)
					if got, want := rowsOf(t, db.DB, "vouchers"), []string{
						"[]",
						"[map[extra: id:1 name:first remark:n]]",
						"[map[extra: id:1 name:second remark:n]]",
					}[n]; c.to == "remark" && got != want {
						t.Errorf("undone: %s", got)
					}
				})
			}
		}
	})
}
