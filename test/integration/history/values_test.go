package history_test

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/gorm-audit/auditplugin/history"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
	"gorm.io/datatypes"
	"gorm.io/gorm"
)

// item is a row with a value of some Go type, in a column of some database type.
type item[T any] struct {
	ID uint
	V  T
}

type gobbed struct {
	ID uint
	V  []int `gorm:"serializer:gob"`
}

// kindOfValue is a column type, and two values that it is given as SQL.
type kindOfValue struct {
	columnType, first, second string
	goType                    reflect.Type
	check                     func(t *testing.T, db, plain *gorm.DB)
}

// had demands that a row of the table items comes back as it was loaded, from below an
// update and from its deletion, and that undoing both leaves what was stored.
func had[T any](t *testing.T, db, plain *gorm.DB, first, second any) {
	t.Helper()
	ctx := context.Background()
	items := func() *gorm.DB { return db.Table("items") }
	stored := func() any {
		rows, err := plain.Table("items").Select("v").Rows()
		must(t, err)
		defer func() { must(t, rows.Close()) }()
		var v any
		for rows.Next() {
			must(t, rows.Scan(&v))
		}
		must(t, rows.Err())
		return v
	}
	must(t, items().Create(map[string]any{"id": 1, "v": first}).Error)
	var was item[T]
	must(t, plain.Table("items").First(&was).Error)
	raw := stored()
	must(t, items().Where("id = 1").Update("v", second).Error)
	updated := lastRecord(t, db)
	check := func(when string) {
		t.Helper()
		got := item[T]{ID: 1}
		if err := history.AsOf(ctx, items(), &got, history.Before(updated)); err != nil {
			t.Errorf("%s: %v", when, err)
		} else if !reflect.DeepEqual(got.V, was.V) && !(db.Name() == testdb.SQLite && sameValue(got.V, was.V)) && !sameDocument(documentName(got.V), got.V, was.V) {
			t.Errorf("%s: %#v, GORM had loaded %#v", when, got.V, was.V)
		}
	}
	check("an update later")
	tables := history.ModelOf("items", &item[T]{})
	if _, err := history.Revert(ctx, db, updated, tables); err != nil {
		t.Errorf("undoing the update: %v", err)
	}
	if got := stored(); !reflect.DeepEqual(got, raw) && !(db.Name() == testdb.SQLite && sameValue(got, raw)) {
		t.Errorf("undoing the update stored %#v, it was %#v", got, raw)
	}
	must(t, items().Where("id = 1").Delete(&item[T]{}).Error)
	removed := lastRecord(t, db)
	check("deleted")
	if _, err := history.Revert(ctx, db, removed, tables); err != nil {
		t.Errorf("undoing the deletion: %v", err)
	}
	if got := stored(); !reflect.DeepEqual(got, raw) && !(db.Name() == testdb.SQLite && sameValue(got, raw)) {
		t.Errorf("undoing the deletion stored %#v, it was %#v", got, raw)
	}
}

func sqlValues[T any](columnType, first, second string) kindOfValue {
	return kindOfValue{columnType, first, second, reflect.TypeFor[T](), func(t *testing.T, db, plain *gorm.DB) {
		t.Helper()
		had[T](t, db, plain, gorm.Expr(first), gorm.Expr(second))
	}}
}

func goValues[T any](columnType string, first, second T) kindOfValue {
	return kindOfValue{columnType, fmt.Sprint(first), fmt.Sprint(second), reflect.TypeFor[T](), func(t *testing.T, db, plain *gorm.DB) {
		t.Helper()
		had[T](t, db, plain, first, second)
	}}
}

func TestValuesOfEveryKind(t *testing.T) {
	id, other := uuid.MustParse("0b5a3c9e-5f3c-4c5e-8a3a-0123456789ab"), uuid.MustParse("ffffffff-5f3c-4c5e-8a3a-0123456789ab")
	forever := time.Date(9999, 12, 31, 23, 59, 59, 0, time.FixedZone("", -8*3600))
	early := time.Date(0, 1, 1, 5, 0, 0, 0, time.FixedZone("", 6*3600))
	now := time.Date(2024, 7, 1, 9, 30, 0, 123456000, time.UTC)
	kinds := map[string][]kindOfValue{
		testdb.SQLite: {
			goValues("datetime", forever, now),
			goValues("datetime", early, now),
			goValues("datetime", time.Time{}, now),
			goValues("date", time.Date(2024, 7, 1, 0, 0, 0, 0, time.UTC), now),
			goValues("point", []byte{0, 1, 0xfe, 'a'}, []byte("text")),
			goValues("", []byte{0, 1, 0xfe, 'a'}, []byte("text")),
			goValues("text", []byte("bytes in a text"), []byte("others")),
			goValues("char(36)", id, other),
			goValues("blob", datatypes.BinUUID(id), datatypes.BinUUID(other)),
			goValues("json", datatypes.JSON(`{"e":1e300,"n":12345678901234567890123.5}`), datatypes.JSON(`{}`)),
			sqlValues[int64]("integer", "9223372036854775807", "1"),
			sqlValues[string]("", "'no base 64'", "'x y'"),
			sqlValues[float64]("", "0.1", "2.5"),
			sqlValues[string]("time", "'09:30:00'", "'10:00:00.500'"),
		},
		testdb.Postgres: {
			sqlValues[time.Time]("timestamp", "'2024-07-01 09:30:00.123456'", "'2024-01-01'"),
			sqlValues[time.Time]("timestamp", "'0001-01-01 00:00'", "'2024-01-01'"),
			sqlValues[time.Time]("timestamp", "'0044-03-15 12:00 BC'", "'2024-01-01'"),
			sqlValues[time.Time]("timestamptz", "'9999-12-31 23:59:59-08'", "'2024-01-01'"),
			sqlValues[time.Time]("timestamptz", "'200000-12-31 23:59:59'", "'2024-01-01'"),
			sqlValues[time.Time]("timestamptz", "'0044-03-15 12:00 BC'", "'2024-01-01'"),
			sqlValues[string]("timestamptz", "'infinity'", "'2024-01-01'"),
			sqlValues[string]("timestamp", "'-infinity'", "'infinity'"),
			sqlValues[time.Time]("date", "'2024-07-01'", "'2024-01-01'"),
			sqlValues[time.Time]("date", "'12024-07-01'", "'2024-01-01'"),
			sqlValues[time.Time]("date", "'0044-03-15 BC'", "'2024-01-01'"),
			sqlValues[string]("date", "'infinity'", "'2024-01-01'"),
			sqlValues[string]("time", "'09:30:00.5'", "'10:00'"),
			sqlValues[string]("timetz", "'09:30:00.5+05:30'", "'10:00+00'"),
			sqlValues[string]("interval", "'1 day 02:00'", "'1 year'"),
			sqlValues[string]("int4range", "'[1,5)'", "'empty'"),
			sqlValues[string]("tstzrange", "'[2024-01-01,)'", "'(,2024-01-01]'"),
			sqlValues[string]("daterange", "'[2024-01-01,2024-02-01)'", "'empty'"),
			sqlValues[[]byte]("point", "'(1,2)'", "'(3,4)'"),
			sqlValues[string]("polygon", "'((0,0),(1,1),(1,0))'", "'((0,0),(2,2),(2,0))'"),
			sqlValues[string]("bit(64)", "B'1' || repeat('0', 62)::bit(63)", "'0'::bit(64)"),
			sqlValues[string]("varbit", "'101'", "'0'"),
			sqlValues[string]("xml", "'<a>b</a>'", "'<c/>'"),
			sqlValues[string]("inet", "'10.0.0.1/8'", "'::1'"),
			sqlValues[string]("money", "'12.30'", "'1'"),
			sqlValues[string]("numeric", "'123456789012345678901234567890.5'", "'NaN'"),
			sqlValues[string]("numeric", "'NaN'", "'1'"),
			sqlValues[string]("numeric(12,4)", "'12.3400'", "'1'"),
			sqlValues[string]("numeric(12,4)", "'-5'", "'NaN'"),
			sqlValues[string]("numeric(5,0)", "'12'", "'100'"),
			sqlValues[string]("numeric(4,-2)", "1200", "100"),
			sqlValues[string]("cents", "1.50", "2"),
			sqlValues[float64]("real", "1.1", "3.4e38"),
			sqlValues[float32]("real", "1.1", "3.4e38"),
			sqlValues[float64]("float8", "'-Infinity'", "'1'"),
			sqlValues[string]("int[]", "'{1,NULL,3}'", "'{}'"),
			sqlValues[string]("text[]", `'{"a b",c}'`, "'{}'"),
			goValues("bytea", datatypes.BinUUID(id), datatypes.BinUUID(other)),
			goValues("uuid", id, other),
			goValues("text", id, other),
			goValues("jsonb", datatypes.JSON(`{"n": 12345678901234567890123.5}`), datatypes.JSON(`{}`)),
			goValues("bytea", []byte{}, []byte{0, 1}),
		},
		testdb.MySQL: {
			sqlValues[time.Time]("datetime(6)", "'2024-07-01 09:30:00.123456'", "'2024-01-01'"),
			sqlValues[time.Time]("datetime", "'9999-12-31 23:59:59'", "'2024-01-01'"),
			sqlValues[time.Time]("datetime", "'0000-00-00 00:00:00'", "'2024-01-01'"),
			sqlValues[time.Time]("datetime", "'0001-02-03 04:05:06'", "'2024-01-01'"),
			sqlValues[time.Time]("timestamp(6)", "'2024-07-01 09:30:00.5'", "'2024-01-01'"),
			sqlValues[string]("datetime(3)", "'2024-07-01 09:30:00.5'", "'2024-01-01'"),
			sqlValues[time.Time]("date", "'2024-07-01'", "'2024-01-01'"),
			sqlValues[time.Time]("date", "'0000-00-00'", "'2024-01-01'"),
			sqlValues[string]("time(6)", "'-09:30:00.5'", "'10:00'"),
			sqlValues[string]("time(3)", "'838:00:00'", "'10:00'"),
			sqlValues[int]("year", "2024", "1999"),
			sqlValues[string]("decimal(12,4)", "12.34", "1"),
			sqlValues[string]("decimal(5)", "12", "100"),
			sqlValues[[]byte]("bit(64)", "b'1000000000000000000000000000000000000000000000000000000000000001'", "b'1'"),
			sqlValues[[]byte]("bit(64)", "b'101'", "b'1'"),
			sqlValues[[]byte]("bit(12)", "b'111100001111'", "b'1'"),
			sqlValues[[]byte]("bit(1)", "b'1'", "b'0'"),
			sqlValues[[]byte]("point", "ST_GeomFromText('POINT(1 2)')", "ST_GeomFromText('POINT(3 4)')"),
			sqlValues[[]byte]("geometry", "ST_GeomFromText('POLYGON((0 0,1 1,1 0,0 0))', 4326)", "ST_GeomFromText('POINT(3 4)')"),
			sqlValues[uint64]("bigint unsigned", "18446744073709551615", "1"),
			sqlValues[string]("enum('a','b')", "'a'", "'b'"),
			sqlValues[string]("set('a','b')", "'a,b'", "''"),
			goValues("binary(16)", datatypes.BinUUID(id), datatypes.BinUUID(other)),
			goValues("char(36)", id, other),
			goValues("json", datatypes.JSON(`{"n":12345678901234567890123.5}`), datatypes.JSON(`{}`)),
			goValues("varbinary(20)", []byte("YWJj"), []byte{0, 255}),
		},
	}
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		for _, zone := range []string{"", "America/Los_Angeles", "text"} {
			if zone == "text" && g.Dialect != testdb.MySQL {
				continue // only there a setting makes the driver give times as text
			}
			base := g.Open(t, testdb.WithoutPlugin())
			if g.Dialect == testdb.Postgres {
				_, err := base.Raw.Exec("CREATE DOMAIN cents AS numeric(10,2)")
				must(t, err)
			}
			dsn := inZone(base.DSN, g.Dialect, zone)
			db := g.Open(t, testdb.In(dsn))
			for _, k := range kinds[g.Dialect] {
				if zone == "text" && k.goType == reflect.TypeFor[time.Time]() {
					continue // which GORM does not load then
				}
				t.Run(strings.TrimSpace(fmt.Sprint(zone, " ", k.columnType, " ", k.first)), func(t *testing.T) {
					_, err := base.Raw.Exec("DROP TABLE IF EXISTS items")
					must(t, err)
					_, err = base.Raw.Exec("CREATE TABLE items (id bigint PRIMARY KEY, v " + k.columnType + ")")
					must(t, err)
					// A plugin that does not remember the table of the case before.
					k.check(t, g.Open(t, testdb.In(dsn)).DB, db.Plain(t))
				})
			}
		}
	})
}

// documentName is the name under which sameDocument knows documents.
func documentName(v any) string {
	if _, ok := v.(datatypes.JSON); ok {
		return "Doc"
	}
	return ""
}

// inZone adds a time zone to a data source name, in the driver's way.
func inZone(dsn, dialect, zone string) string {
	switch {
	case zone == "":
		return dsn
	case zone == "text":
		return strings.Replace(dsn, "parseTime=true", "parseTime=false", 1)
	case dialect == testdb.SQLite:
		return dsn + "&_loc=" + url.QueryEscape(zone)
	case dialect == testdb.Postgres:
		return dsn + "&TimeZone=" + zone
	}
	return dsn + "&loc=" + url.QueryEscape(zone)
}

// Bytes that a serializer made are bytes, in whatever column.
func TestSerializedBytes(t *testing.T) {
	testdb.Only(t, testdb.SQLite, func(t *testing.T, g testdb.Target) {
		db := g.Open(t, migrated(&gobbed{}))
		ctx := context.Background()
		must(t, db.Create(&gobbed{ID: 1, V: []int{1, 200, -3}}).Error)
		created := lastRecord(t, db.DB)
		must(t, db.Model(&gobbed{ID: 1}).Updates(gobbed{V: []int{9}}).Error)
		got := gobbed{ID: 1}
		must(t, history.AsOf(ctx, db.DB, &got, history.After(created)))
		if !reflect.DeepEqual(got.V, []int{1, 200, -3}) {
			t.Errorf("got %+v", got)
		}
		_, err := history.RevertTo(ctx, db.DB, &got, history.After(created))
		must(t, err)
		var now gobbed
		must(t, db.First(&now).Error)
		if !reflect.DeepEqual(now.V, []int{1, 200, -3}) {
			t.Errorf("set back to %+v", now)
		}
	})
}

// loose takes whatever a column holds.
type loose struct{ v any }

func (l *loose) Scan(v any) error            { l.v = v; return nil }
func (l loose) Value() (driver.Value, error) { return l.v, nil }
func (loose) GormDataType() string           { return "anything" }

// Numbers that no float64 holds are recorded as texts.
func TestNumbersInDocuments(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		if g.Dialect == testdb.MySQL {
			t.Skip("MySQL itself rounds them")
		}
		db := g.Open(t)
		ctx := context.Background()
		_, err := db.Raw.Exec("CREATE TABLE items (id bigint PRIMARY KEY, v json)")
		must(t, err)
		items := func() *gorm.DB { return db.Table("items") }
		must(t, items().Create(&item[datatypes.JSON]{ID: 1, V: datatypes.JSON(`{"a":[1e400]}`)}).Error)
		must(t, items().Where("id = 1").Updates(&item[datatypes.JSON]{V: datatypes.JSON(`{"a":["text","1e3"]}`)}).Error)
		first := lastRecord(t, db.DB)
		must(t, items().Where("id = 1").Updates(&item[datatypes.JSON]{V: datatypes.JSON(`{}`)}).Error)
		got := item[datatypes.JSON]{ID: 1}
		if err := history.AsOf(ctx, items(), &got, history.Before(first)); !errors.Is(err, history.ErrUnknown) {
			t.Errorf("a number outside of float64: %v, %s", err, got.V)
		}
		must(t, history.AsOf(ctx, items(), &got, history.After(first)))
		if string(got.V) != `{"a":["text","1e3"]}` {
			t.Errorf("a text that reads like a number: %s", got.V)
		}
	})
}

// What a record cannot tell is named.
func TestValuesThatRecordsDoNotTell(t *testing.T) {
	testdb.Only(t, testdb.SQLite, func(t *testing.T, g testdb.Target) {
		for _, first := range []any{"abcd", []byte("abc"), "bad \xff text"} {
			db := g.Open(t)
			_, err := db.Raw.Exec("CREATE TABLE items (id bigint PRIMARY KEY, v)")
			must(t, err)
			must(t, db.Table("items").Create(map[string]any{"id": 1, "v": first}).Error)
			must(t, db.Table("items").Where("id = 1").Update("v", 7).Error)
			got := item[loose]{ID: 1}
			err = history.AsOf(context.Background(), db.Table("items"), &got, history.Before(lastRecord(t, db.DB)))
			var unknown *history.UnknownError
			if !errors.As(err, &unknown) || len(unknown.Lost) != 1 || unknown.Lost[0] != "v" {
				t.Errorf("%q: %v, %#v", first, err, got)
			}
		}
	})
}

type tagged struct {
	ID   datatypes.BinUUID `gorm:"primaryKey"`
	Note string            `gorm:"size:40"`
}

// Keys of 16 bytes find their rows.
func TestKeysOfBytes(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		db := g.Open(t, migrated(&tagged{}))
		ctx := context.Background()
		rows := []tagged{{ID: datatypes.BinUUID(uuid.New()), Note: "a"}, {ID: datatypes.BinUUID(uuid.New()), Note: "b"}}
		must(t, db.Create(&rows).Error)
		created := lastRecord(t, db.DB)
		must(t, db.Model(&rows[0]).Update("note", "c").Error)
		updated := lastRecord(t, db.DB)
		was := rowsOf(t, db.Plain(t), "taggeds")
		must(t, db.Delete(&rows).Error)
		got := tagged{ID: rows[0].ID}
		must(t, history.AsOf(ctx, db.DB, &got, history.After(created)))
		if got.Note != "a" || got.ID != rows[0].ID {
			t.Errorf("got %+v", got)
		}
		_, err := history.RevertTransaction(ctx, db.DB, lastRecord(t, db.DB).TransactionID)
		must(t, err)
		if now := rowsOf(t, db.Plain(t), "taggeds"); now != was {
			t.Errorf("undone: %s, was %s", now, was)
		}
		_, err = history.Revert(ctx, db.DB, updated)
		must(t, err)
		n := 0
		for row, err := range history.AsOfAll[tagged](ctx, db.DB, history.After(created)) {
			must(t, err)
			if n++; row.Note == "c" {
				t.Errorf("got %+v", row)
			}
		}
		if n != 2 {
			t.Errorf("%d rows", n)
		}
	})
}
