package history_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/history"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"
)

// counter counts the statements that GORM makes.
type counter struct{ n *atomic.Int64 }

func (c counter) LogMode(logger.LogLevel) logger.Interface { return c }
func (counter) Info(context.Context, string, ...any)       {}
func (counter) Warn(context.Context, string, ...any)       {}
func (counter) Error(context.Context, string, ...any)      {}
func (c counter) Trace(context.Context, time.Time, func() (string, int64), error) {
	c.n.Add(1)
}

// counted opens a database of which the statements are counted.
func counted(t *testing.T, g testdb.Target, models ...any) (*testdb.DB, *atomic.Int64) {
	t.Helper()
	n := &atomic.Int64{}
	return g.Open(t, migrated(models...), testdb.WithGORM(func(c *gorm.Config) { c.Logger = counter{n} })), n
}

// However long a row's trail is, few of its records are read, and few questions asked.
func TestLongTrailsAreNotRead(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		db, n := counted(t, g, &tenant{})
		ctx := context.Background()
		must(t, db.Create(&tenant{ID: 1, Name: "first", Secret: "s"}).Error)
		must(t, db.Model(&tenant{ID: 1}).Update("secret", "kept").Error)
		var middle audit.Record
		for i := range 400 {
			must(t, db.Model(&tenant{ID: 1}).Update("name", fmt.Sprint("name ", i)).Error)
			if i == 150 {
				middle = lastRecord(t, db.DB)
			}
		}
		ask := func(name string, most int64, f func() error) {
			t.Helper()
			n.Store(0)
			must(t, f())
			if got := n.Load(); got > most {
				t.Errorf("%s: %d statements", name, got)
			}
		}
		got := tenant{ID: 1}
		ask("AsOf", 12, func() error { return history.AsOf(ctx, db.DB, &got, history.After(middle)) })
		if got.Name != "name 150" || got.Secret != "kept" {
			t.Errorf("got %+v", got)
		}
		ask("Blame", 8, func() error {
			lines, err := history.Blame(ctx, db.DB, &got)
			for _, l := range lines {
				want := map[string]audit.Action{"id": audit.Create, "created_at": audit.Create, "name": audit.Update, "secret": audit.Update, "updated_at": audit.Update}[l.Column]
				if l.Column != "never" && (l.Record == nil || l.Record.Action != want) {
					t.Errorf("%s was set by %+v", l.Column, l.Record)
				}
			}
			return err
		})
		// A deletion in the middle of the trail, and another row with the key.
		must(t, db.Delete(&tenant{ID: 1}).Error)
		must(t, db.Create(&tenant{ID: 1, Name: "another", Secret: "other"}).Error)
		for i := range 80 {
			must(t, db.Model(&tenant{ID: 1}).Update("name", fmt.Sprint("again ", i)).Error)
		}
		var gaps history.Gaps
		must(t, history.AsOf(ctx, db.DB, &got, history.After(middle), history.Partial(&gaps)))
		if got.Name != "name 150" || got.Secret != "" || len(gaps.Redacted) != 1 {
			t.Errorf("got %+v, gaps %+v", got, gaps)
		}
	})
}

// Whole tables, and whole transactions, take a few statements for each 500 rows.
func TestStatementsForManyRows(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		const many = 1000
		db, n := counted(t, g, &parcel{})
		ctx := context.Background()
		rows := make([]parcel, many)
		for i := range rows {
			rows[i] = parcel{ID: uint(i + 1), Name: fmt.Sprint("first ", i)}
		}
		must(t, db.CreateInBatches(&rows, 500).Error)
		created := lastRecord(t, db.DB)
		must(t, db.Model(&parcel{}).Where("id > 0").Update("name", gorm.Expr("'changed'")).Error)
		updated := lastRecord(t, db.DB)
		must(t, db.Where("id > ?", many/2).Delete(&parcel{}).Error)
		removed := lastRecord(t, db.DB)
		for _, m := range []history.Moment{history.After(created), history.At(created.Time)} {
			n.Store(0)
			found := 0
			for row, err := range history.AsOfAll[parcel](ctx, db.DB, m) {
				must(t, err)
				if found++; row.Name != fmt.Sprint("first ", row.ID-1) {
					t.Fatalf("got %+v", row)
				}
			}
			if got := n.Load(); found != many || got > 30 {
				t.Errorf("AsOfAll: %d rows, %d statements", found, got)
			}
		}
		// A plain handle makes no records, so that rows can be written together whatever
		// the plugin can tell apart.
		bare := db.Plain(t, testdb.WithGORM(func(c *gorm.Config) { c.Logger = counter{n} }))
		for _, r := range []audit.Record{removed, updated, created} {
			n.Store(0)
			done, err := history.RevertTransaction(ctx, bare, r.TransactionID, history.Models(&parcel{}))
			must(t, err)
			if got := n.Load(); len(done.Steps) < many/2 || got > 30 {
				t.Errorf("RevertTransaction: %d steps, %d statements", len(done.Steps), got)
			}
			if r.ID == updated.ID {
				var rows []parcel
				must(t, bare.Order("id").Find(&rows).Error)
				for i, row := range rows {
					if row.Name != fmt.Sprint("first ", i) {
						t.Fatalf("undone: %+v", row)
					}
				}
			}
		}
	})
}

// Each record of an undoing follows from the one that it undid, however many rows one
// statement wrote.
func TestCausesOfManyRows(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		db := g.Open(t, migrated(&parcel{}))
		ctx := context.Background()
		rows := make([]parcel, 30)
		must(t, db.Create(&rows).Error)
		for _, f := range []func() error{
			func() error { return db.Model(&parcel{}).Where("id > 0").Update("name", "x").Error },
			func() error { return db.Where("id > 0").Delete(&parcel{}).Error },
		} {
			must(t, f())
			transaction := lastRecord(t, db.DB).TransactionID
			undone, err := history.Search(db.DB).Transaction(transaction).Find(ctx)
			must(t, err)
			done, err := history.RevertTransaction(ctx, db.DB, transaction)
			must(t, err)
			if len(done.Steps) != 30 || len(undone) != 30 {
				t.Fatalf("%d steps for %d records", len(done.Steps), len(undone))
			}
			for _, r := range undone {
				follows, err := history.Search(db.DB).Cause(r.ID).Find(ctx)
				must(t, err)
				if len(follows) != 1 || follows[0].RecordID != r.RecordID {
					t.Errorf("record of row %s is followed by %d", r.RecordID, len(follows))
				}
			}
		}
	})
}
