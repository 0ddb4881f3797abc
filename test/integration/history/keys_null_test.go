package history_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/gorm-audit/auditplugin/history"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
	"gorm.io/gorm"
)

// locale has a key of which a part may be NULL: SQLite allows that in primary keys, others
// in tables without one.
type locale[T any] struct {
	A    string `gorm:"primaryKey;size:20"`
	B    *T     `gorm:"primaryKey;autoIncrement:false"`
	Note string `gorm:"size:20"`
}

func openLocales(t *testing.T, g testdb.Target, columnType string) *testdb.DB {
	t.Helper()
	if g.Dialect == testdb.Postgres {
		t.Skip("changes of such a row are refused")
	}
	db := g.Open(t)
	key := ""
	if g.Dialect == testdb.SQLite {
		key = ", PRIMARY KEY (a, b)"
	}
	_, err := db.Raw.Exec("CREATE TABLE locales (a varchar(20) NOT NULL, b " + columnType + " NULL, note varchar(20)" + key + ")")
	must(t, err)
	return db
}

// Records name NULL as they do an empty text. Among numbers that is no doubt.
func TestKeysWithNULL(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		db := openLocales(t, g, "bigint")
		ctx := context.Background()
		table := func() *gorm.DB { return db.Table("locales") }
		must(t, table().Create(&locale[int]{A: "x", Note: "null"}).Error)
		created := lastRecord(t, db.DB)
		must(t, table().Create(&locale[int]{A: "x", B: pointer(0), Note: "changed"}).Error)
		must(t, table().Where("b IS NULL").Update("note", "changed").Error)
		updated := lastRecord(t, db.DB)
		then := locale[int]{A: "x"}
		must(t, history.AsOf(ctx, table(), &then, history.After(created)))
		if then.Note != "null" || then.B != nil {
			t.Errorf("it was %+v", then)
		}
		// 0 is no NULL, on MySQL no empty text either.
		model := history.ModelOf("locales", &locale[int]{})
		_, err := history.Revert(ctx, db.DB, updated, model)
		must(t, err)
		is := func() (notes []string) {
			must(t, db.Plain(t).Table("locales").Order("b").Pluck("note", &notes).Error)
			return notes
		}
		if got := fmt.Sprint(is()); got != "[null changed]" {
			t.Errorf("the update undone: %s", got)
		}
		_, err = history.Revert(ctx, db.DB, created, model)
		must(t, err)
		if got := fmt.Sprint(is()); got != "[changed]" {
			t.Errorf("the creation undone: %s", got)
		}
	})
}

func TestKeysWithNULLOrNothing(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		db := openLocales(t, g, "varchar(20)")
		ctx := context.Background()
		table := func() *gorm.DB { return db.Table("locales") }
		must(t, table().Create(&locale[string]{A: "x", Note: "null"}).Error)
		must(t, table().Create(&locale[string]{A: "x", B: pointer(""), Note: "changed"}).Error)
		must(t, table().Where("b IS NULL").Update("note", "changed").Error)
		updated := lastRecord(t, db.DB)
		for name, err := range map[string]error{
			"of NULL":    history.Of(table(), &locale[string]{A: "x"}).Text(ctx, io.Discard),
			"as of NULL": history.AsOf(ctx, table(), &locale[string]{A: "x"}, history.Before(updated)),
			"as of ''":   history.AsOf(ctx, table(), &locale[string]{A: "x", B: pointer("")}, history.Before(updated)),
			"revert": func() error {
				_, err := history.Revert(ctx, db.DB, updated, history.ModelOf("locales", &locale[string]{}))
				return err
			}(),
			"all": func() (failed error) {
				for _, err := range history.AsOfAll[locale[string]](ctx, table(), history.Before(updated)) {
					failed = errors.Join(failed, err)
				}
				return failed
			}(),
		} {
			if !errors.Is(err, history.ErrNoKey) {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

// A page of rows may end in NULL, behind which there is nothing.
func TestAllRowsWithNULLInTheirKeys(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		db := openLocales(t, g, "bigint")
		rows := make([]locale[int], 0, 1202)
		for n := range 600 {
			a := fmt.Sprintf("%04d", n)
			rows = append(rows, locale[int]{A: a}, locale[int]{A: a, B: pointer(n)})
		}
		must(t, db.Table("locales").CreateInBatches(&rows, 400).Error)
		then := history.After(lastRecord(t, db.DB))
		must(t, db.Table("locales").Where("a < ? AND b IS NOT NULL", "0003").Update("note", "later").Error)
		n := 0
		for row, err := range history.AsOfAll[locale[int]](t.Context(), db.Table("locales"), then) {
			must(t, err)
			if n++; row.Note != "" {
				t.Errorf("it was %+v", row)
			}
		}
		if n != len(rows) {
			t.Errorf("%d of %d rows", n, len(rows))
		}
	})
}
