package history_test

import (
	"context"
	"errors"
	"testing"

	"github.com/gorm-audit/auditplugin/history"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
	"gorm.io/datatypes"
	"gorm.io/gorm"
)

// SQLite stores anything in any column. What comes back is of the kind that it was, or not
// known.
func TestValuesInLooseColumns(t *testing.T) {
	known := map[string]func(t *testing.T, db, plain *gorm.DB){
		"blob":  func(t *testing.T, db, plain *gorm.DB) { had[string](t, db, plain, "text", "other") },
		"bytea": func(t *testing.T, db, plain *gorm.DB) { had[*string](t, db, plain, "text", "other") },
		"json":  func(t *testing.T, db, plain *gorm.DB) { had[string](t, db, plain, `{"a":1}`, "[]") },
		"jsonb": func(t *testing.T, db, plain *gorm.DB) {
			had[datatypes.JSON](t, db, plain, datatypes.JSON(`"a"`), datatypes.JSON(`"b"`))
		},
		"integer": func(t *testing.T, db, plain *gorm.DB) {
			had[loose](t, db, plain, gorm.Expr("'few'"), gorm.Expr("1.5"))
		},
		"decimal(10,2)": func(t *testing.T, db, plain *gorm.DB) {
			had[loose](t, db, plain, gorm.Expr("9007199254740993"), gorm.Expr("'x'"))
		},
		"datetime": func(t *testing.T, db, plain *gorm.DB) {
			had[loose](t, db, plain, gorm.Expr("1719826200"), gorm.Expr("0"))
		},
		"text": func(t *testing.T, db, plain *gorm.DB) { had[loose](t, db, plain, gorm.Expr("x'00ff'"), gorm.Expr("5")) },
	}
	unknown := map[string]any{
		"integer":  gorm.Expr("x'00ff'"),
		"real":     gorm.Expr("x'00ff'"),
		"boolean":  gorm.Expr("x'00ff'"),
		"date":     gorm.Expr("x'00ff'"),
		"datetime": gorm.Expr("x'00ff'"),
		"json":     "",
		"jsonb":    "no document",
	}
	testdb.Only(t, testdb.SQLite, func(t *testing.T, g testdb.Target) {
		open := func(t *testing.T, columnType string) *testdb.DB {
			db := g.Open(t)
			_, err := db.Raw.Exec("CREATE TABLE items (id bigint PRIMARY KEY, v " + columnType + ")")
			must(t, err)
			return db
		}
		for columnType, check := range known {
			t.Run(columnType, func(t *testing.T) {
				db := open(t, columnType)
				check(t, db.DB, db.Plain(t))
			})
		}
		for columnType, value := range unknown {
			t.Run("unknown in "+columnType, func(t *testing.T) {
				db := open(t, columnType)
				ctx := context.Background()
				must(t, db.Table("items").Create(map[string]any{"id": 1, "v": value}).Error)
				then := history.After(lastRecord(t, db.DB))
				must(t, db.Table("items").Where("id = 1").Update("v", gorm.Expr("'2'")).Error)
				var err error
				if columnType == "json" || columnType == "jsonb" {
					err = history.AsOf(ctx, db.Table("items"), &item[string]{ID: 1}, then)
				} else {
					err = history.AsOf(ctx, db.Table("items"), &item[loose]{ID: 1}, then)
				}
				if !errors.Is(err, history.ErrUnknown) {
					t.Errorf("as it was: %v", err)
				}
				if _, err = history.Revert(ctx, db.DB, lastRecord(t, db.DB), history.Tables("items")); !errors.Is(err, history.ErrUnknown) {
					t.Errorf("undone: %v", err)
				}
			})
		}
	})
}
