package integration

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/gorm-audit/auditplugin/test/integration/testdb"
	"gorm.io/datatypes"
	"gorm.io/gorm"
	"gorm.io/gorm/schema"
)

// Address is embedded, and a JSON document elsewhere.
type Address struct {
	Street string `gorm:"size:40" json:"street"`
	City   string `gorm:"size:40" json:"city"`
}

// Shop has embedded structs.
type Shop struct {
	gorm.Model
	Name    string   `gorm:"size:40"`
	Home    Address  `gorm:"embedded;embeddedPrefix:home_"`
	Invoice *Address `gorm:"embedded;embeddedPrefix:invoice_"`
}

func TestEmbedded(t *testing.T) {
	scene{models: []any{&Shop{}}}.capture(t, func(s *stage) {
		shop := Shop{Name: "x", Home: Address{"a", "Oslo"}}
		s.ok(s.db.Create(&shop))
		s.ok(s.db.Model(&shop).Updates(Shop{Home: Address{City: "Bergen"}, Invoice: &Address{Street: "b"}}))
		s.ok(s.db.Model(&shop).Update("home_street", ""))
		s.expect("1 create shops", "2 update shops")
	})
}

// Profile has JSON columns of every kind.
type Profile struct {
	ID      uint
	Address Address                       `gorm:"serializer:json"`
	Tags    []string                      `gorm:"serializer:json"`
	Prefs   map[string]any                `gorm:"serializer:json"`
	Doc     datatypes.JSON                `gorm:""`
	Typed   datatypes.JSONType[Address]   `gorm:""`
	List    datatypes.JSONSlice[int]      `gorm:""`
	Attrs   datatypes.JSONMap             `gorm:""`
	Maybe   *datatypes.JSONType[[]string] `gorm:""`
}

func TestJSONSerializer(t *testing.T) {
	scene{models: []any{&Profile{}}}.capture(t, func(s *stage) {
		p := Profile{
			Address: Address{"a", "Oslo"}, Tags: []string{"x", "ü"}, Prefs: map[string]any{"deep": map[string]any{"n": 1.5}},
			Doc: datatypes.JSON(`{"k": [1, 2, {"z": null}], "big": 12345678901234567}`), Typed: datatypes.NewJSONType(Address{"b", "Moss"}),
			List: datatypes.JSONSlice[int]{3, 1, 2}, Attrs: datatypes.JSONMap{"a": "1"},
		}
		s.ok(s.db.Create(&p))
		p.Address.City, p.Tags = "Bergen", append(p.Tags, "y")
		s.ok(s.db.Save(&p))
		s.ok(s.db.Model(&p).Update("doc", datatypes.JSON(`{"big": 12345678901234567, "k": [1, 2, {"z": null}]}`)))
		s.ok(s.db.Model(&p).Updates(Profile{Doc: datatypes.JSON(`[]`), Attrs: datatypes.JSONMap{"a": "2"}}))
		s.ok(s.db.Delete(&p))
		s.expect("1 create profiles", "2 update profiles", "1 delete profiles")
		for _, e := range s.trail() {
			if e.Seq == 2 && fmt.Sprint(e.Changes) != "[{address.city Oslo Bergen} {tags.2 <nil> y}]" {
				s.Errorf("the changes are %v", e.Changes)
			}
		}
	})
}

// reverse is a custom serializer: it stores text backwards.
type reverse struct{}

func (reverse) Scan(ctx context.Context, field *schema.Field, dst reflect.Value, stored any) error {
	var text string
	switch v := stored.(type) {
	case nil:
	case string:
		text = v
	case []byte:
		text = string(v)
	default:
		return fmt.Errorf("stored is a %T", stored)
	}
	return field.Set(ctx, dst, backwards(text))
}

func (reverse) Value(_ context.Context, _ *schema.Field, _ reflect.Value, value any) (any, error) {
	return backwards(value.(string)), nil
}

func backwards(text string) string {
	var b strings.Builder
	runes := []rune(text)
	for i := range runes {
		b.WriteRune(runes[len(runes)-1-i])
	}
	return b.String()
}

// Sealed keeps text as a serializer turns it.
type Sealed struct {
	ID    uint
	Text  string `gorm:"serializer:reverse;size:40"`
	Other int
}

func TestCustomSerializer(t *testing.T) {
	schema.RegisterSerializer("reverse", reverse{})
	scene{models: []any{&Sealed{}}}.capture(t, func(s *stage) {
		x := Sealed{Text: "abc"}
		s.ok(s.db.Create(&x))
		s.ok(s.db.Model(&x).Updates(Sealed{Text: "abd"}))
		s.ok(s.db.Model(&x).Update("other", 4))
		s.ok(s.db.Delete(&x))
		s.expect("1 create sealeds", "2 update sealeds", "1 delete sealeds")
		if first := s.entry(0); first.After["text"] != "cba" {
			s.Errorf("recorded is %v, stored is cba", first.After["text"])
		}
	})
}

// Stamped uses GORM's unixtime and gob serializers.
type Stamped struct {
	ID   uint
	At   int64    `gorm:"serializer:unixtime;type:timestamp"`
	Blob []string `gorm:"serializer:gob;type:bytes"`
}

func TestBuiltInSerializers(t *testing.T) {
	scene{models: []any{&Stamped{}}}.capture(t, func(s *stage) {
		x := Stamped{At: 1700000000, Blob: []string{"a"}}
		s.ok(s.db.Create(&x))
		s.ok(s.db.Model(&x).Updates(Stamped{At: 1700000001, Blob: []string{"b"}}))
		s.ok(s.db.Delete(&x))
		s.expect("1 create stampeds", "1 update stampeds", "1 delete stampeds")
	})
}

// Colour is stored as text by its own Value and Scan.
type Colour struct{ R, G, B uint8 }

// Value implements driver.Valuer.
func (c Colour) Value() (driver.Value, error) {
	return fmt.Sprintf("#%02x%02x%02x", c.R, c.G, c.B), nil
}

// Scan implements sql.Scanner.
func (c *Colour) Scan(v any) error {
	text := ""
	switch v := v.(type) {
	case string:
		text = v
	case []byte:
		text = string(v)
	}
	_, err := fmt.Sscanf(text, "#%02x%02x%02x", &c.R, &c.G, &c.B)
	return err
}

// GormDataType says how the column is made.
func (Colour) GormDataType() string { return "varchar(20)" }

// Paint has values that know how they are stored.
type Paint struct {
	ID     uint
	Colour Colour
	Name   sql.NullString `gorm:"size:40"`
	Coats  sql.NullInt64
	Wet    sql.NullBool
	Price  string `gorm:"type:decimal(10,2)"`
}

func TestValuerScanner(t *testing.T) {
	scene{models: []any{&Paint{}}}.capture(t, func(s *stage) {
		p := Paint{Colour: Colour{1, 2, 3}, Name: sql.NullString{String: "n", Valid: true}, Price: "10.50"}
		s.ok(s.db.Create(&p))
		s.ok(s.db.Model(&p).Updates(map[string]any{"colour": Colour{255, 0, 9}, "name": sql.NullString{}, "wet": true, "price": "10.5"}))
		s.ok(s.db.Model(&p).Updates(Paint{Coats: sql.NullInt64{Int64: 2, Valid: true}, Price: "99.99"}))
		s.ok(s.db.Delete(&p))
		s.expect("1 create paints", "2 update paints", "1 delete paints")
	})
}

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
	Ms    int64 `gorm:"autoUpdateTime:milli"`
}

func TestScalarTypes(t *testing.T) {
	scene{models: []any{&Everything{}}}.capture(t, func(s *stage) {
		zone := time.FixedZone("x", 5*3600+1800)
		x := Everything{
			I8: -128, I64: -9223372036854775808, U64: 9223372036854775807, F32: 0.1, F64: 1e-7, Yes: true,
			Text: "line\nbreak\ttab \u2028 \U0001F600", Blob: []byte{0, 1, 0xff, 'a'},
			At: time.Date(2024, 2, 29, 23, 59, 59, 123456789, zone), Day: datatypes.Date(time.Date(2024, 2, 29, 0, 0, 0, 0, time.UTC)),
		}
		s.ok(s.db.Create(&x))
		s.ok(s.db.Model(&x).Updates(map[string]any{
			"i8": 127, "i64": int64(9223372036854775807), "f32": float32(-2.5), "f64": 123456789.125,
			"yes": false, "text": "", "blob": []byte("\x80\x00"), "at": time.Date(1999, 12, 31, 0, 0, 0, 0, time.UTC), "maybe": x.At,
		}))
		s.ok(s.db.Model(&x).Updates(map[string]any{"blob": nil, "maybe": nil}))
		s.ok(s.db.Delete(&x))
		s.expect("1 create everythings", "2 update everythings", "1 delete everythings")
	})
}

func TestUnsignedBeyondInt64(t *testing.T) {
	scene{models: []any{&Everything{}}}.on(t, testdb.MySQL, func(s *stage) {
		x := Everything{U64: 18446744073709551615, At: time.Unix(1, 0), Day: datatypes.Date(time.Unix(1, 0))}
		s.ok(s.db.Create(&x))
		s.ok(s.db.Model(&x).Update("u64", uint64(18446744073709551614)))
		s.expect("1 create everythings", "1 update everythings")
	})
}

// Defaulted has values that the database fills in.
type Defaulted struct {
	ID     uint
	Name   string `gorm:"size:40;default:nobody"`
	Level  int    `gorm:"default:7"`
	Active *bool  `gorm:"default:true"`
	Upper  string `gorm:"size:40;default:(upper('made'))"`
}

func TestDatabaseDefaults(t *testing.T) {
	scene{models: []any{&Defaulted{}}}.capture(t, func(s *stage) {
		s.ok(s.db.Create(&Defaulted{}))
		s.ok(s.db.Create(&[]Defaulted{{Name: "x"}, {Level: 3, Active: ptr(false)}, {}}))
		s.ok(s.db.Model(&Defaulted{}).Create(map[string]any{"name": "map"}))
		s.expect("5 create defaulteds")
	})
}

// Sized has a column that the database computes.
type Sized struct {
	ID     uint
	Width  int
	Height int
	Area   int `gorm:"->;type:int GENERATED ALWAYS AS (width * height) STORED"`
}

func TestGeneratedColumn(t *testing.T) {
	scene{models: []any{&Sized{}}}.capture(t, func(s *stage) {
		x := Sized{Width: 2, Height: 3}
		s.ok(s.db.Create(&x))
		s.ok(s.db.Model(&Sized{ID: x.ID}).Update("width", 10))
		s.ok(s.db.Delete(&Sized{ID: x.ID}))
		s.expect("1 create sizeds", "1 update sizeds", "1 delete sizeds")
		if e := s.entry(1); fmt.Sprint(e.After["area"]) != "30" {
			s.Errorf("the computed column is recorded as %v", e.After["area"])
		}
	})
}

// A column of the table that the model does not have is part of the row.
func TestColumnUnknownToTheModel(t *testing.T) {
	scene{models: []any{&Setting{}}, ddl: func(string) []string {
		return []string{"ALTER TABLE settings ADD COLUMN extra VARCHAR(20) DEFAULT 'e'"}
	}, seed: seedSettings("a")}.capture(t, func(s *stage) {
		s.ok(s.db.Create(&Setting{Name: "b", Value: "1"}))
		s.ok(s.db.Table("settings").Where("name = ?", "a").Update("extra", "changed"))
		s.ok(s.db.Delete(&Setting{Name: "a"}))
		s.expect("1 create settings", "1 update settings", "1 delete settings")
	})
}
