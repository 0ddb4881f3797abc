package history_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gorm-audit/auditplugin/history"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
	"gorm.io/gorm"
)

// A column that was renamed, and nobody says so, is a gap; one that was dropped is none.
func TestRenamedColumns(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		type contact struct {
			ID    uint
			Name  string `gorm:"size:40"`
			Phone string `gorm:"size:40"`
			Extra string `gorm:"size:40"`
		}
		for _, long := range []bool{false, true} {
			db := g.Open(t)
			ctx := context.Background()
			exec := func(statement string) {
				t.Helper()
				_, err := db.Raw.Exec(statement)
				must(t, err)
			}
			exec("CREATE TABLE contacts (id bigint PRIMARY KEY, name varchar(40), tel varchar(40), legacy varchar(40))")
			table := func() *gorm.DB { return db.Table("contacts") }
			must(t, table().Create(map[string]any{"id": 1, "name": "a", "tel": "1", "legacy": "x"}).Error)
			created := lastRecord(t, db.DB)
			if long { // so that the database is asked what later records say
				for n := range 60 {
					must(t, table().Where("id = 1").Updates(map[string]any{"name": string(rune('b' + n%20))}).Error)
				}
			}
			must(t, table().Where("id = 1").Updates(map[string]any{"tel": "2", "name": "z", "legacy": "y"}).Error)
			changed := lastRecord(t, db.DB)
			exec("ALTER TABLE contacts RENAME COLUMN tel TO phone")
			exec("ALTER TABLE contacts DROP COLUMN legacy")
			exec("ALTER TABLE contacts ADD COLUMN extra varchar(40)")
			fresh := g.Open(t, testdb.In(db.DSN)) // which has not seen the table before
			must(t, fresh.Model(&contact{ID: 1}).Update("phone", "3").Error)
			must(t, fresh.Create(&contact{ID: 2, Name: "other"}).Error)

			got := contact{ID: 1}
			var unknown *history.UnknownError
			if err := history.AsOf(ctx, fresh.DB, &got, history.After(created)); !errors.As(err, &unknown) || !slices.Contains(unknown.Lost, "phone") || slices.Contains(unknown.Lost, "name") {
				t.Fatalf("long %v: a renamed column: %v, %+v", long, err, got)
			}
			for v, err := range history.Versions(ctx, fresh.DB, &contact{ID: 1}) {
				must(t, err)
				if v.Record.ID == created.ID && (v.Row.Phone != "" || !slices.Contains(v.Gaps.Lost, "phone")) {
					t.Errorf("its first version: %+v, %+v", v.Row, v.Gaps)
				}
			}
			told := history.Asking(func(q history.Query) history.Query { return q.Alias("tel", "phone").Dropped("legacy") })
			must(t, history.AsOf(ctx, fresh.DB, &got, history.After(created), told))
			if got.Phone != "1" || got.Name != "a" {
				t.Errorf("told of it: %+v", got)
			}
			must(t, history.AsOf(ctx, fresh.DB, &got, history.After(changed), told))
			if got.Phone != "2" || got.Name != "z" {
				t.Errorf("told of it: %+v", got)
			}
		}
	})
}

// Values of another type are read as such, or named, and end no loop.
func TestRetypedColumns(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		if g.Dialect == testdb.SQLite {
			t.Skip("SQLite's columns hold anything")
		}
		type sample struct {
			ID    uint
			Count int
			Label string `gorm:"size:40"`
			At    time.Time
		}
		db := g.Open(t)
		ctx := context.Background()
		exec := func(statement string) {
			t.Helper()
			_, err := db.Raw.Exec(statement)
			must(t, err)
		}
		exec("CREATE TABLE samples (id bigint PRIMARY KEY, count varchar(40), label bigint, at varchar(40))")
		table := func() *gorm.DB { return db.Table("samples") }
		must(t, table().Create([]map[string]any{{"id": 1, "count": "12", "label": 5, "at": "soon"}, {"id": 2, "count": "many", "label": 6, "at": "2024-01-02 03:04:05"}}).Error)
		created := lastRecord(t, db.DB)
		must(t, table().Where("id > 0").Updates(map[string]any{"count": "0", "label": 0, "at": "2024-01-01 00:00:00"}).Error)
		if g.Dialect == testdb.Postgres {
			exec("ALTER TABLE samples ALTER count TYPE bigint USING count::bigint, ALTER label TYPE varchar(40), ALTER at TYPE timestamptz USING at::timestamptz")
		} else {
			exec("ALTER TABLE samples MODIFY count bigint, MODIFY label varchar(40), MODIFY at datetime")
		}
		fresh := g.Open(t, testdb.In(db.DSN))
		var gaps history.Gaps
		want := map[uint][]string{1: {"at"}, 2: {"count"}}
		n := 0
		for row, err := range history.AsOfAll[sample](ctx, fresh.DB, history.After(created), history.Partial(&gaps)) {
			must(t, err)
			n++
			if !slices.Equal(gaps.Lost, want[row.ID]) {
				t.Errorf("row %d: %+v, gaps %+v", row.ID, row, gaps)
			}
			if row.ID == 1 && (row.Count != 12 || row.Label != "5") || row.ID == 2 && (row.Label != "6" || row.At.Year() != 2024) {
				t.Errorf("row %d: %+v", row.ID, row)
			}
		}
		if n != 2 {
			t.Errorf("%d rows", n)
		}
	})
}

// Rows that TRUNCATE took are there before it, and not behind it.
func TestTruncated(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		db := g.Open(t, migrated(&parcel{}))
		ctx := context.Background()
		must(t, db.Create(&[]parcel{{ID: 1, Name: "a"}, {ID: 2, Name: "b"}}).Error)
		must(t, db.Model(&parcel{ID: 1}).Update("name", "c").Error)
		last := lastRecord(t, db.DB)
		must(t, db.Exec(map[string]string{testdb.SQLite: "DELETE FROM parcels"}[g.Dialect]+map[bool]string{true: "TRUNCATE TABLE parcels"}[g.Dialect != testdb.SQLite]).Error)
		raw := lastRecord(t, db.DB)
		must(t, db.Create(&parcel{ID: 2, Name: "again"}).Error)
		names := func(m history.Moment) (all []string) {
			t.Helper()
			for row, err := range history.AsOfAll[parcel](ctx, db.DB, m) {
				must(t, err)
				all = append(all, row.Name)
			}
			slices.Sort(all)
			return all
		}
		if got := names(history.After(last)); !slices.Equal(got, []string{"b", "c"}) {
			t.Errorf("before: %v", got)
		}
		if got := names(history.After(raw)); len(got) != 0 {
			t.Errorf("behind: %v", got)
		}
		if got := names(history.At(time.Now())); !slices.Equal(got, []string{"again"}) {
			t.Errorf("now: %v", got)
		}
		got := parcel{ID: 1}
		must(t, history.AsOf(ctx, db.DB, &got, history.After(last)))
		if err := history.AsOf(ctx, db.DB, &got, history.After(raw)); !errors.Is(err, history.ErrNotFound) || got.Name != "c" {
			t.Errorf("one of them: %+v, %v", got, err)
		}
	})
}

// Of a table that is gone, its records still know the rows.
func TestDroppedTable(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		db := g.Open(t, migrated(&docket{}))
		ctx := context.Background()
		must(t, db.Create(&[]docket{{ID: 1, Name: "a"}, {ID: 2, Name: "b"}}).Error)
		created := history.After(lastRecord(t, db.DB))
		must(t, db.Model(&docket{ID: 1}).Update("name", "c").Error)
		must(t, db.Delete(&docket{ID: 2}).Error)
		_, err := db.Raw.Exec("DROP TABLE dockets")
		must(t, err)
		fresh := g.Open(t, testdb.In(db.DSN))
		got := docket{ID: 1}
		if must(t, history.AsOf(ctx, fresh.DB, &got, created)); got.Name != "a" {
			t.Errorf("got %+v", got)
		}
		var all []string
		for d, err := range history.AsOfAll[docket](ctx, fresh.DB, created) {
			must(t, err)
			all = append(all, d.Name)
		}
		if !slices.Equal(all, []string{"a", "b"}) {
			t.Errorf("all: %v", all)
		}
	})
}

// A deleted row does not come back without what a column held that has another name now.
func TestRevertOfARenamedColumn(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		db := g.Open(t, migrated(&ticket{}))
		ctx := context.Background()
		must(t, db.Create(&ticket{ID: 1, Note: "kept"}).Error)
		must(t, db.Delete(&ticket{ID: 1}).Error)
		gone := lastRecord(t, db.DB)
		_, err := db.Raw.Exec("ALTER TABLE tickets RENAME COLUMN note TO remark")
		must(t, err)
		again := g.Open(t, testdb.In(db.DSN)) // a process that meets the table as it is
		model := history.ModelOf("tickets", &ticket{})
		_, err = history.Revert(ctx, again.DB, gone, model)
		var unknown *history.UnknownError
		if !errors.As(err, &unknown) || fmt.Sprint(unknown.Gaps.Lost) != "[note]" {
			t.Errorf("undone: %v, %s", err, rowsOf(t, db.DB, "tickets"))
		}
		_, err = history.Revert(ctx, again.DB, gone, model, history.Asking(func(q history.Query) history.Query { return q.Alias("note", "remark") }))
		must(t, err)
		if got := rowsOf(t, again.DB, "tickets"); !strings.Contains(got, "kept") {
			t.Errorf("told what it is called: %s", got)
		}
	})
}
