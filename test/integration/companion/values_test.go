// Package companion tests the triggers that record what does not go through GORM.
package companion

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"gorm.io/datatypes"
	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/test/integration/oracle"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
	"github.com/gorm-audit/auditplugin/trigger"
)

// Everything has a column of each scalar kind.
type Everything struct {
	ID    uint
	I8    int8
	I64   int64
	U64   uint64
	F32   float32
	F64   float64
	Yes   bool
	Text  string
	Blob  []byte
	At    time.Time
	Maybe *time.Time
	Day   datatypes.Date
	Clock datatypes.Time
	UUID  datatypes.UUID
	Price string  `gorm:"type:decimal(12,3)"`
	Cents int64   `gorm:"type:decimal(12,0)"`
	Ratio float64 `gorm:"type:decimal(20,10)"`
	Fixed string  `gorm:"type:char(8)"`
	Ms    int64   `gorm:"autoUpdateTime:milli"`
	Gone  gorm.DeletedAt
}

// Peer has addresses, which a cast to text would write with a mask.
type Peer struct {
	Addr string `gorm:"primaryKey;type:inet"`
	Via  string `gorm:"type:inet"`
}

// Profile has JSON columns of every kind, and secrets.
type Profile struct {
	ID       uint
	Address  Address                     `gorm:"serializer:json"`
	Tags     []string                    `gorm:"serializer:json"`
	Prefs    map[string]any              `gorm:"serializer:json"`
	Doc      datatypes.JSON              ``
	Typed    datatypes.JSONType[Address] ``
	Attrs    datatypes.JSONMap           ``
	Note     string                      `audit:"-"`
	Answer   string                      `audit:"mask"`
	Card     string                      `audit:"mask=4"`
	Password string
	HasToken bool
	PinAt    *time.Time `gorm:"column:pin_given"`
}

// Address is a document.
type Address struct {
	Street string `json:"street"`
	City   string `json:"city"`
}

// Wide has a key of several columns, of kinds that need care as text.
type Wide struct {
	Name string    `gorm:"primaryKey;size:40"`
	At   time.Time `gorm:"primaryKey"`
	Flag bool      `gorm:"primaryKey"`
	N    int
}

// states are what one row is, one after the other: it is created, changed and deleted.
type states struct {
	model any
	all   []any
}

func samples() []states {
	zone := time.FixedZone("x", 5*3600+1800)
	at := time.Date(2024, 2, 29, 23, 59, 59, 123456789, zone)
	round := time.Date(1999, 12, 31, 0, 0, 0, 0, time.UTC)
	day := datatypes.Date(time.Date(2024, 2, 29, 0, 0, 0, 0, time.UTC))
	id := datatypes.NewUUIDv4()
	return []states{
		{model: &Everything{}, all: []any{
			&Everything{ID: 1, At: round, Price: "0", Day: day},
			&Everything{
				ID: 1, I8: -128, I64: -9223372036854775808, U64: 9223372036854775807, F32: 0.1, F64: 1e-7, Yes: true,
				Text: "line\nbreak\ttab \u2028 \U0001F600 \"quoted\" back\\slash \x01", Blob: []byte{0, 1, 0xff, 'a'}, At: at, Maybe: &at, Day: day, UUID: id,
				Price: "10.500", Cents: 500, Ratio: 0.1, Fixed: "ab", Clock: datatypes.NewTime(10, 0, 0, 500_000_000),
			},
			&Everything{
				ID: 1, I8: 127, I64: 9223372036854775807, F32: -2.5, F64: 123456789.125, Text: strings.Repeat("é", 40_000), Blob: []byte("\x80\x00"),
				At: round, Maybe: &round, Day: day, Price: "-99.9", Cents: -1, Ratio: -2, UUID: id, Gone: gorm.DeletedAt{Time: round, Valid: true},
			},
			&Everything{ID: 1, F64: 0.1 + 0.2, F32: 16777216, At: round.Add(120 * time.Millisecond), Blob: []byte("x"), Price: "1", Ratio: 1e9, Day: day},
			&Everything{ID: 1, F64: 1e22, F32: 3.4e38, At: round, Text: "5", Blob: []byte{}, Price: "123456789.001", Day: day},
			&Everything{ID: 1, F64: 5e-324, At: round, Blob: []byte("hello world, longer than a line of base64 which has seventy-six characters at most, I think"), Price: "0.001", Day: day},
		}},
		{model: &Profile{}, all: []any{
			&Profile{ID: 7, Answer: "blue", Card: "4111111111111111", Password: "secret-1", HasToken: true},
			&Profile{
				ID: 7, Address: Address{"a", "Oslo"}, Tags: []string{"x", "ü"}, Prefs: map[string]any{"deep": map[string]any{"n": 1.5}}, Note: "n",
				Doc: datatypes.JSON(`{"k": [1, 2, {"z": null}], "big": 12345678901234567, "shipping": "x", "token_count": 3}`), Typed: datatypes.NewJSONType(Address{"b", "Moss"}),
				Attrs: datatypes.JSONMap{"a": "1"}, Answer: "red", Card: "123456789", Password: "secret-2", PinAt: &round,
			},
			&Profile{
				ID: 7, Address: Address{"a", "Bergen"}, Tags: []string{}, Doc: datatypes.JSON(`[]`), Answer: "red", Card: "1234", Password: "",
			},
			&Profile{ID: 7, Doc: datatypes.JSON(`{"nested":{"apiToken":"secret-4"}}`), Prefs: map[string]any{"a": true}, Note: "other", Password: "secret-3"},
		}},
		{model: &Wide{}, all: []any{
			&Wide{Name: "a \"b\" ü", At: at.Truncate(time.Millisecond), Flag: true, N: 1}, &Wide{Name: "a \"b\" ü", At: at.Truncate(time.Millisecond), Flag: true, N: 2},
		}},
	}
}

// What psql, or any other program, does to a row is recorded as the plugin would record it.
func TestValuesAreThoseOfThePlugin(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		if g.Dialect == testdb.SQLite && testdb.PureGo() {
			t.Skip("SQLite 3.41 writes reals otherwise: docs/companion.md")
		}
		all := samples()
		if g.Dialect == testdb.Postgres {
			all = append(all, states{model: &Peer{}, all: []any{&Peer{Addr: "10.0.0.1", Via: "10.0.0.2"}, &Peer{Addr: "10.0.0.1", Via: "::1/64"}, &Peer{Addr: "10.0.0.1", Via: "::1"}}})
		}
		for _, sample := range all {
			db := open(t, g, sample.model)
			install(t, db, sample.model)
			table := tableOf(t, db.DB, sample.model)
			run := func(query string) {
				t.Helper()
				if _, err := db.Raw.Exec(query); err != nil {
					t.Fatalf("%v in %s", err, query)
				}
			}
			for i, state := range sample.all {
				if err := db.Session(&gorm.Session{NewDB: true}).Unscoped().Save(state).Error; err != nil {
					t.Fatal(err)
				}
				run(fmt.Sprintf("CREATE TABLE state_%d AS SELECT * FROM %s", i, table))
			}
			if err := db.Unscoped().Delete(sample.all[0]).Error; err != nil {
				t.Fatal(err)
			}
			want := oracle.Trail(t, db.Raw, g.Dialect)
			columns := columnsOf(t, db.Raw, table)
			run("INSERT INTO " + table + " SELECT * FROM state_0")
			for i := range sample.all[1:] {
				sets := make([]string, len(columns))
				for n, c := range columns {
					c = db.Statement.Quote(c)
					sets[n] = c + " = (SELECT " + c + fmt.Sprintf(" FROM state_%d)", i+1)
				}
				run("UPDATE " + table + " SET " + strings.Join(sets, ", "))
			}
			run("DELETE FROM " + table)
			got := oracle.Trail(t, db.Raw, g.Dialect)[len(want):]
			if len(got) != len(want) || len(want) != len(sample.all)+1 {
				t.Fatalf("%s: %d records of the plugin and %d of the triggers, for %d changes", table, len(want), len(got), len(sample.all)+1)
			}
			for i := range want {
				same(t, g.Dialect, want[i], got[i])
				if got[i].ActorType != "db" || got[i].Outcome != "success" || len(got[i].ID) != 36 || got[i].ID[14] != '7' {
					t.Errorf("%s: record %d is %+v", table, i, got[i])
				}
			}
		}
	})
}

func same(t *testing.T, dialect string, want, got oracle.Entry) {
	t.Helper()
	if want.Action != got.Action || want.RecordID != got.RecordID || want.RecordType != got.RecordType || want.Table != got.Table || fmt.Sprint(want.Changed) != fmt.Sprint(got.Changed) {
		t.Errorf("the plugin recorded\n  %s %s %s %q %v, the trigger\n  %s %s %s %q %v", want.Action, want.RecordType, want.Table, want.RecordID, want.Changed,
			got.Action, got.RecordType, got.Table, got.RecordID, got.Changed)
	}
	for _, side := range []struct {
		name      string
		want, got map[string]any
	}{{"before", want.Before, got.Before}, {"after", want.After, got.After}} {
		if len(side.want) != len(side.got) {
			t.Errorf("%s %s: %s has %d columns, by the trigger %d", want.Action, want.Table, side.name, len(side.want), len(side.got))
		}
		for name, w := range side.want {
			if large, ok := w.(map[string]any); ok && dialect == testdb.SQLite {
				delete(large, "sha256") // which SQLite does not know
			}
			if side.got[name] == "***" && strings.Contains(strings.ToLower(encoded(w)), "token") {
				continue // a document with a secret in it is hidden whole
			}
			if g := side.got[name]; encoded(w) != encoded(g) && !sameFloat(w, g) {
				t.Errorf("%s %s: %s.%s is %.200s by the plugin, %.200s by the trigger", want.Action, want.Table, side.name, name, encoded(w), encoded(g))
			}
		}
	}
}

// sameFloat reports whether two numbers are one float, however they are written.
func sameFloat(a, b any) bool {
	x, ok := a.(json.Number)
	y, ok2 := b.(json.Number)
	if !ok || !ok2 {
		return false
	}
	f, err := x.Float64()
	g, err2 := y.Float64()
	return err == nil && err2 == nil && f == g
}

func encoded(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

func open(t *testing.T, g testdb.Target, models ...any) *testdb.DB {
	t.Helper()
	return g.Open(t, testdb.WithPlugin(auditplugin.WithCompanion(), auditplugin.WithApplication("shop")), testdb.After(func(db *gorm.DB) error { return db.AutoMigrate(models...) }))
}

func install(t *testing.T, db *testdb.DB, models ...any) {
	t.Helper()
	if err := trigger.Install(db.DB, trigger.For(models...)); err != nil {
		t.Fatal(err)
	}
}

func tableOf(t *testing.T, db *gorm.DB, model any) string {
	t.Helper()
	stmt := &gorm.Statement{DB: db}
	if err := stmt.Parse(model); err != nil {
		t.Fatal(err)
	}
	return stmt.Schema.Table
}

func columnsOf(t *testing.T, db *sql.DB, table string) []string {
	t.Helper()
	rows, err := db.Query("SELECT * FROM " + table)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	names, err := rows.Columns()
	if err := errors.Join(err, rows.Err()); err != nil {
		t.Fatal(err)
	}
	return names
}
