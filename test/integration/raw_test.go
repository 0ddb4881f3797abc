package integration

import (
	"context"
	"strings"
	"testing"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/test/integration/oracle"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
	"gorm.io/gorm"
)

// raws are raw statements that write to settings, on the given databases or all.
func raws(dialect string) map[string]string {
	all := map[string]string{
		"insert":    "INSERT INTO settings (name, value) VALUES ('raw', 'hush')",
		"update":    "UPDATE settings SET value = 'hush' WHERE name = 'a'",
		"delete":    "DELETE FROM settings WHERE name = 'b'",
		"comment":   "/* SELECT */ -- x\n UPDATE settings SET value = 'hush'",
		"case":      "uPdAtE settings sEt value = 'hush'",
		"bindings":  "UPDATE settings SET value = 'hush' WHERE name = ?",
		"semicolon": "UPDATE settings SET value = 'hush' WHERE name = 'c';",
		"select":    "INSERT INTO settings (name, value) SELECT name || '2', 'hush' FROM settings",
	}
	if dialect == testdb.MySQL {
		all["select"] = "INSERT INTO settings (name, value) SELECT CONCAT(name, '2'), 'hush' FROM settings"
		all["replace"] = "REPLACE INTO settings (name, value) VALUES ('a', 'hush')"
		all["quoted"] = "UPDATE `settings` SET value = 'hush'"
		return all
	}
	all["quoted"] = `UPDATE "settings" SET value = 'hush'`
	all["cte update"] = "WITH x AS (SELECT 'a' AS n) UPDATE settings SET value = 'hush' WHERE name IN (SELECT n FROM x)"
	if dialect == testdb.Postgres {
		all["writing cte"] = "WITH x AS (UPDATE settings SET value = 'hush' RETURNING name) SELECT COUNT(*) FROM x"
		all["only"] = "UPDATE ONLY settings SET value = 'hush'"
		all["truncate"] = "TRUNCATE settings"
		all["dollar"] = "UPDATE settings SET value = $q$hush$q$"
	}
	return all
}

func (s *stage) rawly(db *gorm.DB, query string) error {
	if strings.Contains(query, "?") {
		return db.Exec(query, "a").Error
	}
	return db.Exec(query).Error
}

func rawScene(prepare bool, options ...auditplugin.Option) scene {
	sc := settings()
	sc.options = []testdb.Option{
		testdb.WithGORM(func(c *gorm.Config) { c.PrepareStmt = prepare }), testdb.WithPlugin(options...),
	}
	// Which rows raw SQL changes is not recorded, so the oracle looks at the announced records only.
	sc.oracle = []oracle.Option{oracle.Snapshot("settings")}
	return sc
}

var prepared = map[string]bool{"plain": false, "prepared": true}

func TestRawRecorded(t *testing.T) {
	for name, prepare := range prepared {
		t.Run(name, func(t *testing.T) {
			rawScene(prepare).natively(t, func(s *stage) {
				for name, query := range raws(s.db.Target.Dialect) {
					s.db.Announced.Reset()
					before := len(s.trail())
					_ = s.db.Transaction(func(tx *gorm.DB) error {
						if err := s.rawly(tx, query); err != nil {
							s.Errorf("%s: %v", name, err)
						}
						return errOnPurpose
					})
					if n := len(s.trail()); n != before {
						s.Errorf("%s: rolled back, and recorded", name)
					}
					s.try(s.db.Transaction(func(tx *gorm.DB) error {
						s.ok(tx.SavePoint("sp"))
						s.try(s.rawly(tx, query))
						return tx.RollbackTo("sp").Error
					}))
					if n := len(s.trail()); n != before {
						s.Errorf("%s: rolled back to a savepoint, and recorded", name)
					}
					s.try(s.rawly(s.db.DB, query))
					trail := s.trail()[before:]
					if len(trail) != 1 || trail[0].Action != "raw" || trail[0].Table != "settings" {
						s.Errorf("%s: recorded is %+v", name, trail)
						continue
					}
					if strings.Contains(trail[0].Message, "hush") || !strings.Contains(strings.ToLower(trail[0].Message), "settings") {
						s.Errorf("%s: the statement is recorded as %q", name, trail[0].Message)
					}
					if n := len(s.db.Announced.Records()); n != 1 {
						s.Errorf("%s: %d records announced", name, n)
					}
				}
				s.oracle = nil
			})
		})
	}
}

func TestRawThroughQuery(t *testing.T) {
	rawScene(false).on(t, testdb.Postgres, func(s *stage) {
		var names []string
		s.ok(s.db.DB.Raw("UPDATE settings SET value = 'x' WHERE name <> 'c' RETURNING name").Scan(&names))
		if len(names) != 2 {
			s.Errorf("returned are %v", names)
		}
		row := s.db.DB.Raw("WITH gone AS (DELETE FROM settings WHERE name = 'c' RETURNING *) SELECT name FROM gone").Row()
		var name string
		s.try(row.Scan(&name))
		rows, err := s.db.DB.Raw("INSERT INTO settings (name, value) VALUES ('n', 'm') RETURNING value").Rows()
		s.try(err)
		s.try(rows.Err())
		s.try(rows.Close())
		if got := tally(s.trail()); strings.Join(got, "") != "3 raw settings" {
			s.Errorf("recorded are %v", got)
		}
		s.oracle = nil
	})
}

func TestRawReadsLeaveNothing(t *testing.T) {
	for name, prepare := range prepared {
		t.Run(name, func(t *testing.T) {
			rawScene(prepare, auditplugin.WithRawSQL(auditplugin.RawRefuse)).natively(t, func(s *stage) {
				var n int
				s.ok(s.db.DB.Raw("SELECT COUNT(*) FROM settings WHERE value <> 'UPDATE settings SET value = 1'").Scan(&n))
				s.ok(s.db.DB.Raw("WITH x AS (SELECT * FROM settings) SELECT COUNT(*) FROM x").Scan(&n))
				s.ok(s.db.Exec("SELECT 1 -- DELETE FROM settings"))
				s.ok(s.db.Exec("CREATE TABLE unrelated (n INT)"))
				if n != 3 {
					s.Errorf("counted %d", n)
				}
				s.expect()
			})
		})
	}
}

func TestRawRefused(t *testing.T) {
	for name, prepare := range prepared {
		t.Run(name, func(t *testing.T) {
			rawScene(prepare, auditplugin.WithRawSQL(auditplugin.RawRefuse)).natively(t, func(s *stage) {
				for name, query := range raws(s.db.Target.Dialect) {
					if err := s.rawly(s.db.DB, query); err == nil {
						s.Errorf("%s was not refused", name)
					} else {
						s.fails(err, auditplugin.ErrRawRefused)
					}
					s.fails(s.db.Transaction(func(tx *gorm.DB) error { return s.rawly(tx, query) }), auditplugin.ErrRawRefused)
				}
				var rows int
				s.try(s.db.Raw.QueryRow("SELECT COUNT(*) FROM settings WHERE value LIKE 'v-%'").Scan(&rows))
				if rows != 3 {
					s.Errorf("%d rows are as they were", rows)
				}
				s.oracle = nil
			})
		})
	}
}

func TestRawAllowed(t *testing.T) {
	rawScene(false, auditplugin.WithRawSQL(auditplugin.RawAllow)).natively(t, func(s *stage) {
		for name, query := range raws(s.db.Target.Dialect) {
			if err := s.rawly(s.db.DB, query); err != nil {
				s.Errorf("%s: %v", name, err)
			}
		}
		if n := len(s.trail()); n != 0 {
			s.Errorf("%d records", n)
		}
		s.oracle = nil
	})
}

func TestRawContext(t *testing.T) {
	rawScene(false).natively(t, func(s *stage) {
		ctx := audit.WithReason(audit.WithActor(context.Background(), audit.Actor{ID: "9"}), "repair")
		s.ok(s.db.WithContext(ctx).Exec("UPDATE settings SET value = 'x' WHERE name < 'c'"))
		e := s.entry(0)
		if e.ActorID != "9" || e.Reason != "repair" || e.TransactionID == "" || !strings.HasSuffix(e.Source.File, "raw_test.go") {
			s.Errorf("the entry is %+v", e)
		}
		if rows, ok := e.Metadata["rows"]; !ok || !oracle.Equal(rows, "2") {
			s.Errorf("metadata is %v", e.Metadata)
		}
		s.oracle = nil
	})
}
