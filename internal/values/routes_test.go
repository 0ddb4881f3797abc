package values_test

import (
	"database/sql"
	"encoding/json"
	"errors"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/google/uuid"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/internal/values"
)

// TestRoutesAgreeOnSQLite stores a model and compares what was sent, what a
// SELECT delivers (where the driver knows the declared types) and what RETURNING
// delivers (where it does not).
func TestRoutesAgreeOnSQLite(t *testing.T) {
	db, err := gorm.Open(sqlite.Open(filepath.Join(t.TempDir(), "a.db")), &gorm.Config{})
	if err != nil {
		t.Fatal(err)
	}
	conn, err := db.DB()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := db.AutoMigrate(&model{}); err != nil {
		t.Fatal(err)
	}
	yes := true
	at := time.Date(2024, 2, 29, 13, 14, 15, 123456789, time.FixedZone("", 7200))
	row := model{
		ID: 1, Name: "a\xffb", Kind: "new", Active: true, Maybe: &yes, NullBool: sql.NullBool{Valid: true}, Count: -3,
		Ratio: 3, Small: 0.1, Price: "10.50", Big: 1 << 60, Weight: 1.5, Data: []byte{0xff, 0}, At: at,
		Deleted: gorm.DeletedAt{Time: at, Valid: true}, Born: at, Unix: 1700000000,
		Settings: map[string]string{"a": "b"}, Document: `{"a":[1,2.50]}`, Raw: json.RawMessage(`{"b":null}`),
		Gob: map[string]string{"c": "d"}, Ref: uuid.New(), Bin: uuid.New(), Created: 1700000001,
	}
	if err := db.Create(&row).Error; err != nil {
		t.Fatal(err)
	}
	empty := model{ID: 2, Document: "null"}
	if err := db.Create(&empty).Error; err != nil {
		t.Fatal(err)
	}
	for _, m := range []*model{&row, &empty} {
		stmt := db.Model(m).Statement
		if err := stmt.Parse(m); err != nil {
			t.Fatal(err)
		}
		for _, f := range stmt.Schema.Fields {
			var selected, returned any
			name := stmt.Quote(f.DBName)
			if err := conn.QueryRow("SELECT "+name+" FROM models WHERE id = ?", m.ID).Scan(&selected); err != nil {
				t.Fatal(err)
			}
			if err := conn.QueryRow("UPDATE models SET id = id WHERE id = ? RETURNING "+name, m.ID).Scan(&returned); err != nil {
				t.Fatal(err)
			}
			types, err := conn.Query("SELECT " + name + " FROM models LIMIT 0")
			if err != nil {
				t.Fatal(err)
			}
			declared, err := types.ColumnTypes()
			if err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(types.Err(), types.Close()); err != nil {
				t.Fatal(err)
			}
			sent, _ := f.ValueOf(t.Context(), reflect.ValueOf(m))
			for _, dbType := range []string{"", declared[0].DatabaseTypeName()} {
				rule := values.For("sqlite", values.Column{Name: f.DBName, Field: f, DBType: dbType})
				want := rule.Normalise(selected)
				if got := rule.Normalise(returned); !values.Equal(got, want) {
					t.Errorf("%s (%s): RETURNING gives %T %v, SELECT gives %T %v", f.DBName, dbType, got, got, want, want)
				}
				if got := rule.Normalise(sent); !values.Equal(got, want) {
					t.Errorf("%s (%s): sent is %T %v, SELECT gives %T %v", f.DBName, dbType, got, got, want, want)
				}
			}
		}
	}
}
