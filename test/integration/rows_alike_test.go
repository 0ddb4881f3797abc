package integration

import (
	"fmt"
	"testing"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/test/integration/oracle"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
)

// Rows that are not told apart by what is taken for their key, or are named by another one.

// A key that the database does not hold unique, or not yet, may find another row than the
// one that changed: it was taken for it.
func TestRowsWithTheSameKey(t *testing.T) {
	for name, ddl := range map[string][]string{
		"deferred": {"CREATE TABLE seats (id int PRIMARY KEY DEFERRABLE INITIALLY DEFERRED, name text, n int)"},
		"inherited": {
			"CREATE TABLE seats (id int PRIMARY KEY, name text, n int)",
			"CREATE TABLE boxes (places int) INHERITS (seats)", "INSERT INTO boxes VALUES (2, 'box', 5, 6)",
		},
		"without": {"CREATE TABLE seats (id int, name text, n int)"},
	} {
		t.Run(name, func(t *testing.T) {
			scene{tables: []string{"seats"}, oracle: []oracle.Option{oracle.Key("seats", "id")}, ddl: func(string) []string {
				return append(ddl, "INSERT INTO seats VALUES (1, 'a', 1), (2, 'b', 2)")
			}}.on(t, testdb.Postgres, func(s *stage) {
				s.fails(s.db.Transaction(func(tx *gorm.DB) error {
					if name != "inherited" {
						if err := tx.Exec("UPDATE seats SET id = 2 WHERE name = 'a'").Error; err != nil {
							return err
						}
					}
					return tx.Model(&Seat{}).Where("name = ?", "b").Update("n", 7).Error
				}), auditplugin.ErrAuditFailed)
				s.ok(s.db.Model(&Seat{}).Where("name = ?", "a").Update("n", 7))
				s.expect("1 update seats")
			})
		})
	}
}

// Rows of one truth, whose keys are not the same to SQLite.
func TestKeysThatAreTruths(t *testing.T) {
	seats("CREATE TABLE seats (id BOOLEAN PRIMARY KEY, name text, n int)", "INSERT INTO seats VALUES ('true', 'word', 4)").on(t, testdb.SQLite, func(s *stage) {
		for _, name := range []string{"a", "b", "word"} {
			s.ok(s.db.Table("seats").Where("name = ?", name).Update("n", gorm.Expr("n + 10")))
		}
		s.oracle = nil // it takes 1 and 2 for what they are
		for n, want := range []string{"11", "12", "14"} {
			if e := s.entry(n); fmt.Sprint(e.After["n"]) != want || fmt.Sprint(e.Before["n"]) != want[1:] {
				s.Errorf("n is recorded as %v, was %v", e.After["n"], e.Before["n"])
			}
		}
	})
}

// SQLite knows a key that counts by three more names.
func TestKeyByTheNameOfTheRowID(t *testing.T) {
	seats("CREATE TABLE seats (id INTEGER PRIMARY KEY, name text, n int)").on(t, testdb.SQLite, func(s *stage) {
		for i, name := range []string{"rowid", "OID", "_rowid_"} {
			s.ok(s.db.Table("seats").Create(map[string]any{name: 50 + i, "name": name}))
			s.ok(s.db.Table("seats").Where("name = ?", name).Updates(map[string]any{name: 70 + i, "n": i}))
		}
		on := clause.OnConflict{Columns: []clause.Column{{Name: "id"}}, DoUpdates: clause.AssignmentColumns([]string{"n"})}
		s.ok(s.db.Table("seats").Clauses(on).Create(map[string]any{"rowid": 2, "n": 9}))
		s.expect("3 create seats", "4 update seats")
	})
}

// Rows without a key are found by the rowid, which an UPDATE may assign.
func TestRowIDIsAssigned(t *testing.T) {
	scene{models: []any{&Loose{}}, seed: func(db *gorm.DB) error {
		return db.Create(&[]Loose{{Name: "a"}, {Name: "b"}}).Error
	}}.on(t, testdb.SQLite, func(s *stage) {
		s.ok(s.db.Model(&Loose{}).Where("name = ?", "a").Updates(map[string]any{"rowid": 80, "n": 12}))
		s.ok(s.db.Model(&Loose{}).Where("n < 99").Updates(map[string]any{"rowid": gorm.Expr("rowid + 100"), "n": 13}))
		s.ok(s.db.Model(&Loose{}).Where("rowid = 180").Update("n", 14))
		s.expect("4 update looses")
	})
}

// Conditions that count the rows for which they are evaluated choose others the second time.
func TestConditionThatCounts(t *testing.T) {
	seats(plainSeats, "CREATE SEQUENCE seat_numbers").on(t, testdb.Postgres, func(s *stage) {
		err := s.db.Model(&Seat{}).Where("id = nextval('seat_numbers')").Update("n", 9).Error
		if !s.db.Target.Portable {
			s.try(err)
			return
		}
		s.fails(err, auditplugin.ErrAuditFailed)
	})
	seats(plainSeats).on(t, testdb.MySQL, func(s *stage) {
		s.fails(s.db.Model(&Seat{}).Where("(@n := COALESCE(@n, 0) + 1) < 3").Update("n", 9).Error, auditplugin.ErrAuditFailed)
	})
}

// SQLite does not count the rows that a view's triggers write: no record was made of them.
func TestInsertIntoView(t *testing.T) {
	seats(plainSeats, "CREATE VIEW few AS SELECT * FROM seats WHERE n < 100", `CREATE TRIGGER few_put INSTEAD OF INSERT ON few BEGIN
		INSERT INTO seats VALUES (NEW.id, NEW.name, NEW.n) ON CONFLICT (id) DO UPDATE SET n = excluded.n WHERE excluded.n > 0; END`,
	).on(t, testdb.SQLite, func(s *stage) {
		s.ok(s.db.Table("few").Create(&Seat{ID: 4, Name: "d"}))
		s.ok(s.db.Table("few").Create(&[]Seat{{ID: 5, Name: "e"}, {ID: 1, Name: "a", N: 50}, {ID: 2, Name: "b"}}))
		s.ok(s.db.Table("few").Create(&Seat{ID: 6, Name: "f", N: 200}))
		s.oracle = nil // its triggers see the table below
		if got := fmt.Sprint(tally(s.trail())); got != "[1 update few 3 create few]" {
			s.Errorf("recorded are %v", got)
		}
		if e := s.entry(3); fmt.Sprint(e.Metadata["auditplugin"]) != "map[image:sent]" {
			s.Errorf("of a row that the view does not show the record says %v", e.Metadata)
		}
	})
}

// Rows whose keys are the same, or NULL, are read in another order than they are changed in.
func TestUpdateOfRowsAlike(t *testing.T) {
	for name, create := range map[string]string{
		"same": "CREATE TABLE seats (id int, name text, n int)", "null": "CREATE TABLE seats (id text PRIMARY KEY, name text, n int)",
	} {
		t.Run(name, func(t *testing.T) {
			seats(create, "UPDATE seats SET n = 10 - n", "CREATE INDEX by_n ON seats (n, id)", "UPDATE seats SET id = "+map[string]string{"same": "7", "null": "NULL"}[name]).on(t, testdb.SQLite, func(s *stage) {
				s.oracle = nil // it tells rows apart by their keys
				all := s.db.Session(&gorm.Session{AllowGlobalUpdate: true})
				s.fails(all.Model(&Seat{}).Update("n", gorm.Expr("n + 10")).Error, auditplugin.ErrAuditFailed)
				if trail := s.trail(); len(trail) > 0 {
					s.Errorf("recorded are %v", tally(trail))
				}
			})
		})
	}
}

// A row whose key is NULL is met by another unique value.
func TestUpsertMeetsNullKey(t *testing.T) {
	seats("CREATE TABLE seats (id text PRIMARY KEY, name text UNIQUE, n int)", "UPDATE seats SET id = NULL").on(t, testdb.SQLite, func(s *stage) {
		s.oracle = nil // it tells rows apart by their keys
		on := clause.OnConflict{Columns: []clause.Column{{Name: "name"}}, DoUpdates: clause.AssignmentColumns([]string{"n"})}
		s.ok(s.db.Table("seats").Clauses(on).Create([]map[string]any{{"name": "a", "n": 9}, {"name": "new", "n": 1}, {"name": "b", "n": 9}}))
		if got := fmt.Sprint(tally(s.trail())); got != "[1 create seats 2 update seats]" {
			s.Errorf("recorded are %v", got)
		}
	})
}

// Rows of one statement with such keys meet each other, and one that was there.
func TestUpsertOfFloatKeys(t *testing.T) {
	sc := seats("CREATE TABLE seats (id float PRIMARY KEY, name varchar(20), n int)")
	sc.oracle = []oracle.Option{oracle.Merge()}
	sc.on(t, testdb.MySQL, func(s *stage) {
		if !s.db.MariaDB(s.T) {
			s.oracle = nil // MySQL's triggers write 1 as 1.0
		}
		on := clause.OnConflict{DoUpdates: clause.AssignmentColumns([]string{"n"})}
		s.ok(s.db.Table("seats").Clauses(on).Create([]map[string]any{{"id": 1, "n": 9}, {"id": 4.5, "n": 1}, {"id": 4.5, "n": 2}}))
		s.expect("1 create seats", "1 update seats")
	})
}

// What is evaluated ahead, to tell what becomes of rows without a key or where a key goes, is
// another value when the statement evaluates it.
func TestValuesThatAreOthersEachTime(t *testing.T) {
	for dialect, all := range map[string][]string{
		testdb.MySQL:    {"UUID()", "RAND()", "(@n := COALESCE(@n, 0) + 1)", "NOW(6)", "SYSDATE()"},
		testdb.Postgres: {"gen_random_uuid()::text", "random()::text", "nextval('seat_numbers')::text", "clock_timestamp()::text"},
	} {
		more := []string{"CREATE TABLE named (name varchar(80) PRIMARY KEY)", "INSERT INTO named VALUES ('a')"}
		if dialect == testdb.Postgres {
			more = append(more, "CREATE SEQUENCE seat_numbers")
		}
		seats("CREATE TABLE seats (id int, name varchar(80), n int)", more...).on(t, dialect, func(s *stage) {
			for _, e := range all {
				s.fails(s.db.Table("seats").Where("id = 2").Update("name", gorm.Expr(e)).Error, auditplugin.ErrAuditFailed)
				if dialect == testdb.MySQL || s.db.Target.Portable {
					s.fails(s.db.Table("named").Where("name = ?", "a").Update("name", gorm.Expr(e)).Error, auditplugin.ErrAuditFailed)
				}
			}
			s.ok(s.db.Table("seats").Where("id = 2").Update("name", gorm.Expr("CONCAT(name, 'x')")))
			s.oracle = nil // the table has no key
			if got := fmt.Sprint(tally(s.trail())); got != "[1 update seats]" {
				s.Errorf("recorded are %v", got)
			}
		})
	}
}
