package history_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/history"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
	"gorm.io/gorm"
)

// ticket is kept in its own table and in one for each year.
type ticket struct {
	ID   uint
	Note string `gorm:"size:40"`
}

// rowsOf shows a table.
func rowsOf(t *testing.T, db *gorm.DB, table string) string {
	t.Helper()
	var rows []map[string]any
	must(t, db.Table(table).Order("1").Find(&rows).Error)
	return fmt.Sprint(rows)
}

func lastRecord(t *testing.T, db *gorm.DB) audit.Record {
	t.Helper()
	r, err := history.Search(db).Newest().First(context.Background())
	must(t, err)
	return r
}

// Rows of one model in two tables have trails of their own, whichever way the table
// is named.
func TestTableThatTheHandleNames(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		db := g.Open(t, migrated(&ticket{}), testdb.Before(func(db *gorm.DB) error {
			return db.Session(&gorm.Session{NewDB: true}).Table("tickets_2024").AutoMigrate(&ticket{})
		}))
		ctx := context.Background()
		plain := db.Plain(t)
		year := func() *gorm.DB { return db.Table("tickets_2024") }
		must(t, db.Create(&ticket{ID: 1, Note: "own"}).Error)
		must(t, year().Create(&ticket{ID: 1, Note: "old"}).Error)
		created := lastRecord(t, db.DB)
		must(t, year().Where("id = 1").Update("note", "new").Error)
		updated := lastRecord(t, db.DB)

		for name, handle := range map[string]func() *gorm.DB{
			"Table": year,
			"alias": func() *gorm.DB { return db.Table("tickets_2024 AS t") },
			"scope": func() *gorm.DB {
				return db.Scopes(func(tx *gorm.DB) *gorm.DB { return tx.Table("tickets_2024") })
			},
		} {
			records, err := history.Of(handle(), &ticket{ID: 1}).Find(ctx)
			must(t, err)
			if len(records) != 2 || records[0].ID != created.ID {
				t.Errorf("%s: Of found %d records", name, len(records))
			}
			if n, err := history.Search(handle()).Model(&ticket{}).Count(ctx); err != nil || n != 2 {
				t.Errorf("%s: Model found %d records, %v", name, n, err)
			}
			was := ticket{ID: 1}
			must(t, history.AsOf(ctx, handle(), &was, history.Before(updated)))
			if was.Note != "old" {
				t.Errorf("%s: AsOf gave %+v", name, was)
			}
			for row, err := range history.AsOfAll[ticket](ctx, handle(), history.Before(updated)) {
				if err != nil || row.Note != "old" {
					t.Errorf("%s: AsOfAll gave %+v, %v", name, row, err)
				}
			}
			n := 0
			for v, err := range history.Versions(ctx, handle(), &ticket{ID: 1}) {
				must(t, err)
				n++
				if v.Row.Note == "own" {
					t.Errorf("%s: a version of the other table's row", name)
				}
			}
			lines, err := history.Blame(ctx, handle(), &ticket{ID: 1})
			must(t, err)
			if n != 2 || len(lines) != 2 || lines[1].Record == nil || lines[1].Record.ID != updated.ID {
				t.Errorf("%s: %d versions, blame %+v", name, n, lines)
			}
			changes, err := history.Diff(ctx, handle(), &ticket{ID: 1}, history.After(created), history.After(updated))
			must(t, err)
			if len(changes) != 1 || changes[0].To != "new" {
				t.Errorf("%s: Diff gave %+v", name, changes)
			}
		}

		own := rowsOf(t, plain, "tickets")
		undo := func(what string, f func() (history.Reverted, error), want string) {
			t.Helper()
			if _, err := f(); err != nil {
				t.Errorf("%s: %v", what, err)
			}
			if got := rowsOf(t, plain, "tickets_2024"); !strings.Contains(got, want) {
				t.Errorf("%s: the table holds %s", what, got)
			}
			if got := rowsOf(t, plain, "tickets"); got != own {
				t.Errorf("%s: the model's own table was %s, is %s", what, own, got)
			}
		}
		undo("Revert", func() (history.Reverted, error) { return history.Revert(ctx, db.DB, updated) }, "old")
		undo("RevertTo", func() (history.Reverted, error) {
			return history.RevertTo(ctx, year(), &ticket{ID: 1}, history.After(updated))
		}, "new")
		must(t, year().Delete(&ticket{ID: 1}).Error)
		removed := lastRecord(t, db.DB)
		undo("RevertTransaction", func() (history.Reverted, error) {
			return history.RevertTransaction(ctx, db.DB, removed.TransactionID)
		}, "new")
		// A process that has met the model in no table.
		fresh := g.Open(t, testdb.In(db.DSN))
		if _, err := history.Revert(ctx, fresh.DB, updated, history.Models(&ticket{})); !errors.Is(err, history.ErrNoModel) {
			t.Errorf("the model of another table is not this one's: %v", err)
		}
		undo("ModelOf", func() (history.Reverted, error) {
			return history.Revert(ctx, fresh.DB, updated, history.ModelOf("tickets_2024", &ticket{}))
		}, "old")
		if r := lastRecord(t, db.DB); r.Table != "tickets_2024" || r.RecordType != "ticket" {
			t.Errorf("recorded as %s in %s", r.RecordType, r.Table)
		}
		var none ticket
		none.ID = 1
		if err := history.AsOf(ctx, db.Table("(?) AS t", db.Model(&ticket{})), &none, history.Before(updated)); !errors.Is(err, history.ErrInvalidQuery) {
			t.Errorf("a subquery: %v", err)
		}
	})
}

// Tables of one name in two schemas are told apart where the records say which.
func TestTableOfAnotherSchema(t *testing.T) {
	eachServer(t, func(t *testing.T, g testdb.Target) {
		db := g.Open(t, migrated(&ticket{}))
		ctx := context.Background()
		other := fmt.Sprintf("%s_other", lastWord(db.DSN, g.Dialect))
		exec := func(statement string) {
			t.Helper()
			_, err := db.Raw.Exec(statement)
			must(t, err)
		}
		exec("CREATE SCHEMA " + other)
		t.Cleanup(func() {
			cascade := map[string]string{testdb.Postgres: " CASCADE"}[g.Dialect]
			if _, err := db.Raw.Exec("DROP SCHEMA " + other + cascade); err != nil {
				t.Error(err)
			}
		})
		exec("CREATE TABLE " + other + ".tickets (id bigint PRIMARY KEY, note varchar(40))")
		there := func() *gorm.DB { return db.Table(other + ".tickets") }
		must(t, db.Create(&ticket{ID: 1, Note: "here"}).Error)
		must(t, there().Create(&ticket{ID: 1, Note: "there"}).Error)
		must(t, there().Where("id = 1").Update("note", "changed").Error)
		updated := lastRecord(t, db.DB)
		here := rowsOf(t, db.Plain(t), "tickets")

		// The records do not say: the handle does.
		_, err := history.Revert(ctx, there(), updated)
		must(t, err)
		if got := rowsOf(t, db.Plain(t), other+".tickets"); !strings.Contains(got, "there") {
			t.Errorf("undone: %s", got)
		}
		if got := rowsOf(t, db.Plain(t), "tickets"); got != here {
			t.Errorf("the other table is %s", got)
		}
		// Records that say are told apart, without a handle's help.
		exec(fmt.Sprintf("UPDATE audit_logs SET table_name = '%s.tickets' WHERE seq > (SELECT m FROM (SELECT MIN(seq) AS m FROM audit_logs) AS x)", other))
		got, err := history.Of(db.DB, &ticket{ID: 1}).Find(ctx)
		must(t, err)
		if len(got) != 1 {
			t.Errorf("the trail here has %d records", len(got))
		}
		if got, err = history.Of(there(), &ticket{ID: 1}).Find(ctx); err != nil || len(got) != 3 {
			t.Errorf("the trail there has %d records, %v", len(got), err)
		}
		was := ticket{ID: 1}
		must(t, history.AsOf(ctx, there(), &was, history.After(updated)))
		if was.Note != "changed" {
			t.Errorf("as of then: %+v", was)
		}
		last, err := history.Of(there(), &ticket{ID: 1}).Newest().First(ctx)
		must(t, err)
		if _, err = history.Revert(ctx, db.DB, last); err != nil {
			t.Fatalf("a record with a schema: %v", err)
		}
		if got := rowsOf(t, db.Plain(t), other+".tickets"); !strings.Contains(got, "changed") {
			t.Errorf("undone: %s", got)
		}
		if got := rowsOf(t, db.Plain(t), "tickets"); got != here {
			t.Errorf("the other table is %s", got)
		}
	})
}

// lastWord is the schema or database of a data source name.
func lastWord(dsn, dialect string) string {
	if dialect == testdb.Postgres {
		_, rest, _ := strings.Cut(dsn, "search_path=")
		name, _, _ := strings.Cut(rest, "&")
		return name
	}
	_, rest, _ := strings.Cut(dsn, ")/")
	name, _, _ := strings.Cut(rest, "?")
	return name
}

type coupon struct {
	Code  string `gorm:"primaryKey"`
	Label string `gorm:"size:40"`
}

// A key may be given as the application spells it, while the row is there and when it
// is gone.
func TestKeyInOtherSpelling(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		types := map[string]map[string][2]string{
			testdb.SQLite:   {"text COLLATE NOCASE": {"Ab", "aB"}},
			testdb.Postgres: {"char(10)": {"Ab", "Ab"}},
			testdb.MySQL:    {"varchar(20) COLLATE utf8mb4_general_ci": {"Ab", "aB"}, "char(10) COLLATE utf8mb4_general_ci": {"Ab", "ab "}},
		}
		for columnType, spelt := range types[g.Dialect] {
			db := g.Open(t)
			ctx := context.Background()
			_, err := db.Raw.Exec("CREATE TABLE coupons (code " + columnType + " PRIMARY KEY, label varchar(40))")
			must(t, err)
			must(t, db.Create(&coupon{Code: spelt[0], Label: "old"}).Error)
			created := lastRecord(t, db.DB)
			must(t, db.Model(&coupon{Code: spelt[1]}).Update("label", "new").Error)
			check := func(when string) {
				t.Helper()
				c := coupon{Code: spelt[1]}
				must(t, history.AsOf(ctx, db.DB, &c, history.After(created)))
				if c.Label != "old" {
					t.Errorf("%s, %s: %+v", columnType, when, c)
				}
			}
			check("present")
			lines, err := history.Blame(ctx, db.DB, &coupon{Code: spelt[1]})
			must(t, err)
			if lines[1].Record == nil || lines[1].Record.Action != audit.Update {
				t.Errorf("%s: blame %+v", columnType, lines)
			}
			must(t, db.Delete(&coupon{Code: spelt[1]}).Error)
			check("gone")
			_, err = history.RevertTo(ctx, db.DB, &coupon{Code: spelt[1]}, history.After(created))
			must(t, err)
			if got := rowsOf(t, db.Plain(t), "coupons"); !strings.Contains(got, "old") {
				t.Errorf("%s: set back: %s", columnType, got)
			}
		}
		// Where the database takes them for two, they are two.
		if g.Dialect != testdb.MySQL {
			db := g.Open(t, migrated(&coupon{}))
			must(t, db.Create(&coupon{Code: "Ab"}).Error)
			created := lastRecord(t, db.DB)
			must(t, db.Delete(&coupon{Code: "Ab"}).Error)
			if err := history.AsOf(context.Background(), db.DB, &coupon{Code: "ab"}, history.After(created)); !errors.Is(err, history.ErrNotFound) {
				t.Errorf("another key: %v", err)
			}
		}
	})
}

// What a handle brings along besides its table is no part of the question: a service may
// hand on one that is narrowed to a tenant.
func TestHandleWithMoreThanATable(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		db := g.Open(t, migrated(&docket{}))
		ctx := context.Background()
		must(t, db.Create(&docket{ID: 1, Name: "a", Stamp: "old"}).Error)
		created := history.After(lastRecord(t, db.DB))
		must(t, db.Model(&docket{ID: 1}).Update("name", "b").Error)
		// The row as it is tells of a column that was not recorded.
		must(t, db.Exec("UPDATE audit_logs SET after = NULL WHERE action = 'create'").Error)
		for name, h := range map[string]func() *gorm.DB{
			"conditions": func() *gorm.DB { return db.Where("1 = 0") },
			"limit":      func() *gorm.DB { return db.Limit(0) },
			"offset":     func() *gorm.DB { return db.Limit(5).Offset(5) },
			"columns":    func() *gorm.DB { return db.Select("id") },
			"omitted":    func() *gorm.DB { return db.Omit("name") },
			"order":      func() *gorm.DB { return db.Order("nowhere") },
			"joins":      func() *gorm.DB { return db.Joins("JOIN nowhere ON 1 = 0") },
			"alias":      func() *gorm.DB { return db.Table("dockets AS d").Where("d.id = 7") },
			"settings":   func() *gorm.DB { return db.Set("a", "b").Where("1 = 0") },
		} {
			got := docket{ID: 1}
			if err := history.AsOf(ctx, h(), &got, created); err != nil || got.Name != "a" || got.Stamp != "old" {
				t.Errorf("%s: %+v, %v", name, got, err)
			}
			n := 0
			for d, err := range history.AsOfAll[docket](ctx, h(), created) {
				if n++; err != nil || d.Name != "a" {
					t.Errorf("%s, all: %+v, %v", name, d, err)
				}
			}
			if n != 1 {
				t.Errorf("%s: %d rows", name, n)
			}
			if done, err := history.RevertTo(ctx, h(), &docket{ID: 1}, created); err != nil || len(done.Steps) != 1 {
				t.Errorf("%s, revert: %+v, %v", name, done, err)
			}
			must(t, db.Model(&docket{ID: 1}).Update("name", "b").Error)
		}
	})
}
