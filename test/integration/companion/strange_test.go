package companion

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"gorm.io/datatypes"

	"github.com/gorm-audit/auditplugin/test/integration/oracle"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
)

// strange are values as SQL that a column may or may not take.
func strange(dialect string) []string {
	all := []string{
		"NULL", "''", "'x'", "' '", "'null'", "'{'", "'{\"a\": 1, \"token\": \"secret-9\"}'", "'[1, 1.0, 1e3]'", "0", "1", "2", "-1", "0.5", "1e300", "99999999999999999999",
		"'0001-01-01 00:00:00'", "'9999-12-31 23:59:59'", "'2024-02-29'", "'12:00:00.000001'", "'12345678901234567890123456789012345678901234567890'", "'é\u2028\u0001'",
	}
	switch dialect {
	case testdb.Postgres:
		return append(all, `'\x00ff80'`, "'infinity'", "'-infinity'", "'NaN'", "'Infinity'", "'0044-03-15 BC'", "'294276-01-01'", "true", "repeat('x', 100000)", `'"\ud83d\ude00"'`)
	case testdb.MySQL:
		return append(all, "X'00ff80'", "X''", "'0000-00-00 00:00:00'", "REPEAT('x', 60000)", "3.4e38", "1.17549435e-38", `'"\\\\u0070in"'`)
	}
	return append(all, "X'00ff80'", "X''", "9e999", "-9e999", "CAST('a' || char(0) || 'b' AS TEXT)", "CAST(X'ff' AS TEXT)", "9223372036854775807", "zeroblob(100000)", "4e-324", "1e15", "1700000000", "1700000000123")
}

// updates set each column to a value. SQLite takes all values everywhere, and so at once.
func updates(db *testdb.DB, table string, columns []string, value string) []string {
	sets := make([]string, len(columns))
	for i, c := range columns {
		sets[i] = db.Statement.Quote(c) + " = " + value
	}
	if db.Target.Dialect == testdb.SQLite {
		sets = []string{strings.Join(sets, ", ")}
	}
	for i := range sets {
		sets[i] = "UPDATE " + table + " SET " + sets[i]
	}
	return sets
}

// No value that a column takes makes a write by others fail, or its record unreadable.
func TestStrangeValues(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		documents := []string{"address", "tags", "prefs", "doc", "typed", "attrs"}
		db := open(t, g, &Everything{}, &Profile{})
		for _, model := range []any{&Everything{}, &Profile{}} {
			table := tableOf(t, db.DB, model)
			exec(t, db.Raw, "DELETE FROM "+table, "INSERT INTO "+table+" (id) VALUES (1)")
			columns := columnsOf(t, db.Raw, table)
			takes := map[string]bool{}
			for _, install := range []func(){func() {}, func() { install(t, db, model) }} {
				install()
				first := len(takes) == 0
				changes := 0
				forget(t, db)
				for _, v := range strange(g.Dialect) {
					for _, update := range updates(db, table, columns[1:], v) {
						_, err := db.Raw.Exec(update)
						if first {
							takes[update] = err == nil
						} else if takes[update] != (err == nil) {
							t.Errorf("%.200s: %v", update, err)
						}
						if err == nil {
							changes++
						}
					}
				}
				if first {
					continue
				}
				trail := oracle.Trail(t, db.Raw, g.Dialect)
				if len(trail) == 0 || len(trail) > changes {
					t.Errorf("%s: %d records of %d changes", table, len(trail), changes)
				}
				for _, e := range trail {
					text, err := json.Marshal(e)
					if err != nil || len(text) > 500_000 {
						t.Errorf("%v in %.300s", err, text)
					}
					for _, name := range documents {
						if strings.Contains(fmt.Sprint(e.After[name], e.Before[name]), "secret-9") {
							t.Errorf("a secret shows in %s", text)
						}
					}
				}
			}
		}
	})
}

// Loose is compared without regard to case, by the database.
type Loose struct {
	ID  uint
	Aka string `gorm:"type:text COLLATE NOCASE"`
}

// What differs is for us to say, not for the column's collation.
func TestCaseOfLettersCounts(t *testing.T) {
	testdb.Only(t, testdb.SQLite, func(t *testing.T, g testdb.Target) {
		db := open(t, g, &Loose{})
		install(t, db, &Loose{})
		exec(t, db.Raw, "INSERT INTO looses (id, aka) VALUES (1, 'a')", "UPDATE looses SET aka = 'A'", "UPDATE looses SET aka = 'A'")
		expect(t, db, "trigger: create looses 1", "trigger: update looses 1")
	})
}

// Both has columns of all kinds at once, and a key of two that need much SQL.
type Both struct {
	Key  datatypes.UUID `gorm:"primaryKey"`
	Raw  []byte         `gorm:"primaryKey;size:40"`
	All  Everything     `gorm:"embedded;embeddedPrefix:a_"`
	Docs Profile        `gorm:"embedded;embeddedPrefix:d_"`
}

// SQLite's parser has a small stack, which deep expressions overflow.
func TestAllKindsAtOnce(t *testing.T) {
	testdb.Only(t, testdb.SQLite, func(t *testing.T, g testdb.Target) {
		db := open(t, g, &Both{})
		install(t, db, &Both{})
		exec(t, db.Raw, "INSERT INTO boths (key, raw, a_id, d_id) VALUES ('00000000-0000-7000-8000-000000000001', X'00ff', 1, 2)", "UPDATE boths SET a_gone = '2026-01-01 00:00:00'", "DELETE FROM boths")
		id := ` boths ["00000000-0000-7000-8000-000000000001","00ff"]`
		expect(t, db, "trigger: create"+id, "trigger: soft_delete"+id, "trigger: delete"+id)
	})
}
