package integration

import (
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/test/integration/oracle"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
)

// Conditions with subqueries, which are asked twice where rows are read first.

// Fleet and Truck are what one of them asks for.
type Fleet struct {
	ID     int `gorm:"primaryKey;autoIncrement:false"`
	Active bool
}

type Truck struct {
	ID      int `gorm:"primaryKey;autoIncrement:false"`
	FleetID int
	N       int
}

func trucks() scene {
	return scene{models: []any{&Truck{}}, ddl: func(string) []string {
		return []string{
			"CREATE TABLE fleets (id int PRIMARY KEY, active bool)", "INSERT INTO fleets VALUES (1, true), (2, false)",
			"CREATE VIEW active_trucks AS SELECT * FROM trucks WHERE fleet_id IN (SELECT id FROM fleets WHERE active)",
		}
	}, seed: func(db *gorm.DB) error {
		return db.Create(&[]Truck{{ID: 1, FleetID: 1}, {ID: 2, FleetID: 2}, {ID: 3, FleetID: 1}, {ID: 4, FleetID: 2}}).Error
	}}
}

// A SELECT has its subqueries read the snapshot of the transaction, also where it locks its own
// rows; a write has them read what is there now. Other rows changed than were read.
func TestSubqueryReadsWhatIsThereNow(t *testing.T) {
	active := func(db *gorm.DB) *gorm.DB { return db.Table("fleets").Select("id").Where("active") }
	for name, write := range map[string]func(tx *gorm.DB) *gorm.DB{
		"update": func(tx *gorm.DB) *gorm.DB {
			return tx.Model(&Truck{}).Where("fleet_id IN (?)", active(tx)).Update("n", 5)
		},
		"key": func(tx *gorm.DB) *gorm.DB {
			return tx.Model(&Truck{}).Where("fleet_id IN (?)", active(tx)).Update("id", gorm.Expr("id + 10"))
		},
		"delete": func(tx *gorm.DB) *gorm.DB { return tx.Where("fleet_id IN (?)", active(tx)).Delete(&Truck{}) },
		"one": func(tx *gorm.DB) *gorm.DB {
			return tx.Model(&Truck{}).Where("fleet_id = (?)", active(tx)).Order("id DESC").Limit(1).Update("n", 5)
		},
		"join": func(tx *gorm.DB) *gorm.DB {
			return tx.Clauses(clause.Delete{Modifier: "trucks"}, clause.From{Tables: []clause.Table{{Name: "trucks"}}, Joins: []clause.Join{{
				Expression: clause.Expr{SQL: "JOIN (?) AS f ON f.id = fleet_id", Vars: []any{active(tx)}},
			}}}).Where("1 = 1").Delete(&Truck{})
		},
		"view": func(tx *gorm.DB) *gorm.DB {
			return tx.Model(&Truck{}).Table("active_trucks").Where("id > 0").Update("n", 5)
		},
	} {
		t.Run(name, func(t *testing.T) {
			trucks().on(t, testdb.MySQL, func(s *stage) {
				err := s.db.Transaction(func(tx *gorm.DB) error {
					s.ok(tx.Exec("SELECT 1 FROM fleets LIMIT 1")) // from here on it has a snapshot
					s.ok(s.other().Exec("UPDATE fleets SET active = NOT active"))
					return write(tx).Error
				})
				if err != nil && strings.Contains(err.Error(), "Error 1020") {
					return // MariaDB 11.8 has the write itself fail
				}
				if name == "view" { // which reads the snapshot by itself
					s.fails(err, auditplugin.ErrAuditFailed)
					err = nil
				}
				s.try(err)
				changed := map[string]bool{}
				for _, e := range s.trail() {
					if e.Action != "raw" {
						changed[e.RecordID] = true
					}
				}
				want := 2
				switch name {
				case "one":
					want = 1
				case "view":
					want = 0
				}
				if len(changed) != want || changed["1"] || changed["3"] {
					s.Errorf("recorded are %v", changed)
				}
			})
		})
	}
}

// Reading the rows must not give the transaction a snapshot that the write gives it not.
func TestSubqueryFixesNoSnapshot(t *testing.T) {
	trucks().on(t, testdb.MySQL, func(s *stage) {
		s.try(s.db.Transaction(func(tx *gorm.DB) error {
			s.ok(tx.Model(&Truck{}).Where("fleet_id IN (SELECT id FROM fleets WHERE id = 1)").Update("n", 5))
			s.ok(s.other().Exec("INSERT INTO fleets VALUES (9, true)"))
			var n int64
			if s.ok(tx.Table("fleets").Count(&n)); n != 3 {
				s.Errorf("the transaction sees %d fleets", n)
			}
			return nil
		}))
	})
}

// A queue takes what nobody else has locked. Asked again, it would take what was given back
// in between.
func TestSubqueryThatSkipsLockedRows(t *testing.T) {
	for _, dialect := range []string{testdb.MySQL, testdb.Postgres} {
		sleep := map[string]string{testdb.MySQL: "SLEEP(0.3) = 0", testdb.Postgres: "(SELECT pg_sleep(0.3)) IS NOT NULL"}[dialect]
		sc := trucks()
		sc.oracle = []oracle.Option{oracle.Merge()}
		sc.on(t, dialect, func(s *stage) {
			holder := s.ok(s.other().Begin())
			s.ok(holder.Exec("SELECT id FROM trucks WHERE id = 1 FOR UPDATE"))
			given := make(chan error, 1)
			go func() {
				time.Sleep(150 * time.Millisecond)
				given <- holder.Rollback().Error
			}()
			free := s.db.Model(&Truck{}).Select("id").Where("n = 0").Order("id").Limit(1).Clauses(clause.Locking{Strength: "UPDATE", Options: "SKIP LOCKED"})
			s.ok(s.db.Model(&Truck{}).Where("id = (SELECT id FROM (?) AS x) AND "+sleep, free).Update("n", 5))
			s.try(<-given)
			s.expect("1 update trucks")
		})
	}
}

// GORM leaves joins out of MySQL's UPDATE, which then changes all rows.
func TestJoinThatIsLeftOut(t *testing.T) {
	trucks().on(t, testdb.MySQL, func(s *stage) {
		join := clause.From{Joins: []clause.Join{{Expression: clause.Expr{SQL: "JOIN fleets ON fleets.id = fleet_id AND active"}}}}
		s.ok(s.db.Model(&Truck{}).Clauses(join).Where("n = 0").Update("n", 5))
		s.expect("4 update trucks")
	})
}

// A deadlock met while the rows are chosen rolls back the transaction, too.
func TestDeadlockInASubquery(t *testing.T) {
	trucks().on(t, testdb.MySQL, func(s *stage) {
		heavy := s.ok(s.other().Begin())
		s.ok(heavy.Exec("UPDATE trucks SET n = 1 WHERE id > 1"))
		waited := make(chan error, 1)
		var met error
		err := s.db.Transaction(func(tx *gorm.DB) error {
			s.ok(tx.Model(&Truck{}).Where("id = ?", 1).Update("n", 7))
			go func() { waited <- heavy.Exec("UPDATE trucks SET n = 1 WHERE id = 1").Error }()
			time.Sleep(100 * time.Millisecond)
			met = tx.Model(&Truck{}).Where("id = (SELECT MAX(id) + 1 FROM fleets)").Update("n", 8).Error
			return nil
		})
		if met == nil || !strings.Contains(met.Error(), "Error 1213") {
			s.Errorf("the write failed with %v", met)
		}
		s.fails(err, auditplugin.ErrTransactionLost)
		s.try(<-waited)
		s.ok(heavy.Rollback())
		s.expect()
	})
}
