package history_test

import (
	"encoding/json"
	"errors"
	"math"
	"testing"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/history"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
	"gorm.io/gorm"
)

// Values are compared by what they are, on each database.
func TestQueryValues(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		s := open(t, g)
		p := person{
			Name: "Ada", Age: 36, Wide: math.MaxInt64, Score: 0.1, Price: "12.5000", Photo: []byte{0, 255}, Active: true,
			Address: address{City: "Paris", Lines: []string{"a", "b"}}, Email: "ada@example.com", IBAN: "DE1234567890", Password: "hunter2",
			Extra: map[string]any{"n": 1.5, "s": "x"},
		}
		s.write(said(s.ctx, "create"), func(db *gorm.DB) *gorm.DB { return db.Create(&p) })
		change := func(message, column string, value any) {
			t.Helper()
			s.write(said(s.ctx, message), func(db *gorm.DB) *gorm.DB { return db.Model(&person{ID: p.ID}).Update(column, value) })
		}
		change("name", "name", "ada ") // other case, and a space that SQL would pad away
		change("quote", "name", `it's 100% "ok" \o/`+"\n\u2028é")
		change("age", "age", 37)
		change("text age", "name", "37")
		change("wide", "wide", uint64(math.MaxInt64-1))
		change("score", "score", 1e-9)
		change("whole", "score", 37)
		change("price", "price", "37")
		change("active", "active", false)
		change("photo", "photo", []byte("123"))
		change("nick", "nickname", "null")
		change("unnick", "nickname", nil)
		change("email", "email", "eve@example.com")
		change("odd", "odd name", "o")
		s.write(said(s.ctx, "moved"), func(db *gorm.DB) *gorm.DB {
			return db.Model(&person{ID: p.ID}).Select("address").Updates(person{Address: address{City: "Rome", Lines: []string{"b", "a"}}})
		})
		s.write(said(s.ctx, "delete"), func(db *gorm.DB) *gorm.DB { return db.Delete(&person{ID: p.ID}) })

		of, all := history.Of(s.DB.DB, &p), history.Search(s.DB.DB)
		s.matches("text", of.To("name", "Ada"), "create")
		s.matches("other case", of.To("name", "ada"))
		s.matches("padding", of.From("name", "ada "), "quote")
		s.matches("special characters", all.To("name", `it's 100% "ok" \o/`+"\n\u2028é"), "quote")
		s.matches("number", of.To("age", 37), "age")
		s.matches("number as a float", of.To("age", 37.0), "age")
		s.matches("number is no text", all.To("name", 37))
		s.matches("text is no number", all.To("age", "37"))
		s.matches("field name", of.From("Age", 36), "age")
		s.matches("large", of.From("wide", uint64(math.MaxInt64)), "wide")
		s.matches("large, off by one", of.To("wide", uint64(math.MaxInt64-2)))
		s.matches("json number", all.To("wide", json.Number("9223372036854775806")), "wide")
		s.matches("float", of.From("score", 0.1), "score")
		s.matches("small float", all.To("score", 1e-9), "score")
		s.matches("whole float", of.To("score", 37), "whole")
		s.matches("decimal", of.From("price", 12.5), "price")
		s.matches("bool", of.From("active", true), "active")
		s.matches("bool without model", all.To("active", false), "active")
		s.matches("bytes", of.From("photo", []byte{0, 255}), "photo")
		s.matches("NULL", of.From("nickname", nil), "nick", "delete")
		s.matches("text null", of.To("nickname", "null"), "nick")
		s.matches("to NULL", of.To("nickname", nil), "create", "unnick")
		s.matches("hash", of.From("email", "ada@example.com"), "email")
		s.matches("hash of a pointer", of.To("email", pointer("eve@example.com")), "email")
		s.matches("odd name", of.To("odd name", "o"), "odd")
		s.matches("document", of.From("address", address{City: "Paris", Lines: []string{"a", "b"}}), "moved")
		s.matches("document in another order", all.To("address", map[string]any{"lines": []string{"b", "a"}, "city": "Rome"}), "moved")
		s.matches("list in another order", all.To("address", map[string]any{"lines": []string{"a", "b"}, "city": "Rome"}))
		s.matches("document with numbers", of.To("extra", map[string]any{"s": "x", "n": 1.5}), "create")
		s.matches("deleted with", of.From("name", "37").Action(audit.Delete), "delete")

		for name, q := range map[string]history.Query{
			"masked by tag":        of.To("iban", "DE1234567890"),
			"masked by name":       of.From("password", "hunter2"),
			"masked without model": all.From("password", "hunter2"),
		} {
			if _, err := q.Find(s.ctx); !errors.Is(err, history.ErrRedacted) {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

// Columns and paths, on each database.
func TestQueryColumns(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		s := open(t, g)
		p := person{Name: "Ada", Price: "1", Address: address{City: "Paris", Lines: []string{"a"}}}
		s.write(said(s.ctx, "create"), func(db *gorm.DB) *gorm.DB { return db.Create(&p) })
		move := func(message string, a address) {
			t.Helper()
			s.write(said(s.ctx, message), func(db *gorm.DB) *gorm.DB {
				return db.Model(&person{ID: p.ID}).Select("address").Updates(person{Address: a})
			})
		}
		move("city", address{City: "Rome", Lines: []string{"a"}})
		move("line", address{City: "Rome", Lines: []string{"b"}})
		move("second", address{City: "Rome", Lines: []string{"b"}, Second: &address{City: "Oslo", Lines: []string{"x"}}})
		move("second line", address{City: "Rome", Lines: []string{"b"}, Second: &address{City: "Oslo", Lines: []string{"x", "y"}}})
		move("gone", address{City: "Rome", Lines: []string{"b"}})
		s.write(said(s.ctx, "two"), func(db *gorm.DB) *gorm.DB {
			return db.Model(&person{ID: p.ID}).Updates(map[string]any{"name": "Eve", "odd name": "y"})
		})
		s.write(said(s.ctx, "extra"), func(db *gorm.DB) *gorm.DB {
			return db.Model(&person{ID: p.ID}).Select("extra").Updates(person{Extra: map[string]any{"a.b": map[string]any{"0": 1}, "q": `"`}})
		})
		s.write(said(s.ctx, "extra key"), func(db *gorm.DB) *gorm.DB {
			return db.Model(&person{ID: p.ID}).Select("extra").Updates(person{Extra: map[string]any{"a.b": map[string]any{"0": 2}, "q": `"`}})
		})
		s.write(said(s.ctx, "delete"), func(db *gorm.DB) *gorm.DB { return db.Delete(&person{ID: p.ID}) })

		of := history.Of(s.DB.DB, &p)
		s.matches("column", of.Column("name"), "two")
		s.matches("columns", of.Column("Odd", "address"), "city", "line", "second", "second line", "gone", "two")
		s.matches("both", of.Column("name").Column("odd name"), "two")
		s.matches("no column", of.Column("nam"))
		s.matches("other case", of.Column("nAme"))
		s.matches("path", of.Path("address.city"), "city")
		s.matches("path of a column", of.Path("address"), "city", "line", "second", "second line", "gone")
		s.matches("list", of.Path("address.lines"), "line")
		s.matches("index", of.Path("address.lines.0"), "line")
		s.matches("index beyond", of.Path("address.lines.1"))
		s.matches("above", of.Path("address.second.city"), "second", "gone")
		s.matches("above and below", of.Path("address.second.lines"), "second", "second line", "gone")
		s.matches("above, index", of.Path("address.second.lines.1"), "second line", "gone")
		s.matches("above, without it", of.Path("address.second.street"))
		s.matches("dot in a key", of.Path(`extra.a\.b`), "extra", "extra key")
		s.matches("digits as a key", of.Path(`extra.a\.b.0`), "extra", "extra key")
		s.matches("wildcards are none", of.Path("address.cit_"))
		s.matches("nothing like it", of.Path("address.%"))
		if _, err := of.Path("").Find(s.ctx); !errors.Is(err, history.ErrInvalidQuery) {
			t.Errorf("empty path: %v", err)
		}
	})
}
