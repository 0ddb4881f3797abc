package integration

import (
	"database/sql"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/gorm-audit/auditplugin/test/integration/oracle"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// Of many rows in one INSERT, SQLite need not return what is certain to be stored as it
// was sent.
func TestBulkInsertOfValues(t *testing.T) {
	words := ptr("words")
	scene{models: []any{&BulkRow{}}}.capture(t, func(s *stage) {
		rows := func(n, from int, f func(i int, r *BulkRow)) []BulkRow {
			all := make([]BulkRow, n)
			for i := range all {
				all[i] = BulkRow{Kind: i, Text: fmt.Sprint("ä'\"", i), Size: math.MaxInt64 - int64(i), Ratio: float64(i) / 3, Data: []byte{0, byte(i)}}
				if from > 0 {
					all[i].ID = uint(from + i)
				}
				if f != nil {
					f(i, &all[i])
				}
			}
			return all
		}
		for _, all := range [][]BulkRow{
			rows(40, 0, nil),
			rows(15, 0, nil),
			rows(40, 2000, nil),
			rows(40, 0, func(i int, r *BulkRow) { // some keys are there, some are made
				if i%2 == 0 {
					r.ID = uint(4000 + 3*i)
				}
			}),
			rows(40, 0, func(i int, r *BulkRow) {
				r.Note, r.Data, r.UpdatedAt = words, nil, time.Date(2024, 2, 29, 13, 14, 15, 123_456_000, time.FixedZone("", 3600))
				if i == 7 {
					r.Note, r.Data, r.Ratio = nil, []byte{}, math.Copysign(0, -1)
				}
			}),
			rows(40, 9000, func(i int, r *BulkRow) { r.ID = uint(9100 - i) }),
		} {
			s.ok(s.db.Create(&all))
			for i := range all {
				if all[i].ID == 0 {
					s.Errorf("row %d has no key", i)
				}
			}
		}
		s.ok(s.db.Select("Kind", "Text").Create(ptr(rows(30, 0, nil))))
		s.ok(s.db.Omit("Text").Create(ptr(rows(30, 0, nil))))
		s.ok(s.db.Clauses(clause.Returning{}).Create(ptr(rows(30, 0, nil))))
		s.ok(s.db.CreateInBatches(ptr(rows(100, 0, nil)), 33))
		var maps []map[string]any
		for i := range 30 {
			maps = append(maps, map[string]any{"text": fmt.Sprint(i), "kind": uint8(i), "size": gorm.Expr("1 + ?", i), "ratio": i, "note": words})
		}
		s.ok(s.db.Model(&BulkRow{}).Create(&maps))
		// One that is there already undoes all of them.
		if err := s.db.Create(ptr(rows(40, 2020, nil))).Error; err == nil {
			s.Error("a key was there twice")
		}
	})
}

// Anything has columns that SQLite declares in many ways.
type Anything struct {
	Code string `gorm:"primaryKey"`
	A, B string
	C    int
	D    float64
	E    bool
	F    []byte
	G    time.Time
}

// Whatever is sent to whichever column, the records are those of rows that are read
// back. What the database holds of text in a column of times, say, the driver does not
// tell: the oracle can not judge this.
func TestBulkInsertOfAnything(t *testing.T) {
	now := time.Date(2024, 2, 29, 13, 14, 15, 123_456_789, time.UTC)
	pool := []any{
		nil, true, false, 0, 1, -7, int64(math.MaxInt64), uint8(200), 0.5, 2.0, math.Copysign(0, -1), 1e300, float32(0.1), "", "7", "7.50", "0x10", " 8 ",
		"text", "ä€😀", "a\x00b", "\xff",
		[]byte{},
		[]byte{0, 1, 255},
		[]byte("7"), now, &now, ptr("pointer"), (*string)(nil),
		sql.NullString{},
		sql.NullInt64{Int64: 5, Valid: true},
		Colour{1, 2, 3},
		gorm.Expr("1 + 1"),
		gorm.DeletedAt{Time: now, Valid: true},
	}
	types := []string{
		"", "text", "varchar(20)", "nchar(3)", "clob", "integer", "int", "bigint", "unsigned big int", "tinyint(1)", "real", "double precision", "float",
		"numeric", "decimal(10,2)", "boolean", "date", "datetime", "timestamp", "blob", "json", "string", "text not null on conflict replace default 'd'",
		"integer not null on conflict replace default 9", "real default 1.5", "text collate nocase", "text generated always as (upper(code)) stored",
	}
	names := []string{"a", "b", "c", "d", "e", "f", "g"}
	for round := range 60 {
		t.Run(fmt.Sprint(round), func(t *testing.T) {
			random := rand.New(rand.NewPCG(uint64(round), 3))
			columns, end := "", []string{"", " STRICT", " WITHOUT ROWID"}[round%3]
			for _, name := range names {
				kind := types[random.IntN(len(types))]
				if end == " STRICT" {
					kind = []string{"text", "int", "integer", "real", "blob", "any"}[random.IntN(6)]
				}
				columns += ", " + name + " " + kind
			}
			key := []string{"code text primary key", "code varchar(9) primary key not null", "code integer primary key", "code primary key"}[random.IntN(4)]
			if end == " STRICT" {
				key = "code integer primary key"
			}
			ddl := "CREATE TABLE anythings (" + key + columns + ")" + end
			var writes [][]map[string]any
			for n := range 12 {
				rows := make([]map[string]any, 16+random.IntN(8))
				for i := range rows {
					if rows[i] = map[string]any{"code": 1000*n + i}; !strings.Contains(key, "integer") && n%4 > 0 {
						rows[i]["code"] = fmt.Sprint(1000*n + i)
					}
				}
				for _, name := range names {
					if random.IntN(8) == 0 {
						continue
					}
					common, mixed := pool[random.IntN(len(pool))], random.IntN(3) == 0
					for i := range rows {
						if rows[i][name] = common; mixed && random.IntN(4) == 0 {
							rows[i][name] = pool[random.IntN(len(pool))]
						}
					}
				}
				writes = append(writes, rows)
			}
			var trails [2][]oracle.Entry
			for i, portable := range []bool{false, true} {
				where := scene{tables: []string{"anythings"}, ddl: func(string) []string { return []string{ddl} }}
				s := where.open(t, testdb.Target{Dialect: testdb.SQLite, Portable: portable})
				for _, rows := range writes {
					// What the table refuses is refused either way.
					_ = s.db.Model(&Anything{}).Create(rows).Error
				}
				trails[i] = s.trail()
			}
			if len(trails[0]) != len(trails[1]) {
				t.Fatalf("%d records, read back %d of %s", len(trails[0]), len(trails[1]), ddl)
			}
			for i, e := range trails[0] {
				if back := trails[1][i]; e.RecordID != back.RecordID || !reflect.DeepEqual(e.After, back.After) {
					t.Fatalf("recorded are %v\nread back  %v of %s", e.After, back.After, ddl)
				}
			}
		})
	}
}

// Skipped has a table that passes over some rows.
type Skipped struct {
	ID   uint
	Name string
	Size int
}

// Rows that are not those of VALUES, or have keys in no order, are read back.
func TestBulkInsertOutOfOrder(t *testing.T) {
	for name, ddl := range map[string][]string{
		"random keys": {
			"CREATE TABLE skippeds (id integer PRIMARY KEY, name text, size integer)",
			"INSERT INTO skippeds VALUES (9223372036854775807, 'last', 0)",
		},
		"rows that are there": {
			"CREATE TABLE skippeds (id integer PRIMARY KEY, name text UNIQUE ON CONFLICT IGNORE, size integer)",
			"INSERT INTO skippeds VALUES (5, 'name 5', 0), (6, 'name 7', 0)",
		},
		"rows that a trigger refuses": {
			"CREATE TABLE skippeds (id integer PRIMARY KEY, name text, size integer)",
			"CREATE TRIGGER skip BEFORE INSERT ON skippeds WHEN new.size % 3 = 1 BEGIN SELECT RAISE(IGNORE); END",
		},
	} {
		t.Run(name, func(t *testing.T) {
			scene{tables: []string{"skippeds"}, ddl: func(string) []string { return ddl }}.on(t, "sqlite", func(s *stage) {
				rows := make([]map[string]any, 20)
				for i := range rows {
					rows[i] = map[string]any{"name": fmt.Sprint("name ", i), "size": i}
				}
				s.ok(s.db.Model(&Skipped{}).Session(&gorm.Session{SkipHooks: true}).Create(&rows))
			})
		})
	}
}
