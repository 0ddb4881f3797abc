package integration

import (
	"testing"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// story is a bit of everything, with what must not survive.
func (s *stage) story(db *gorm.DB) {
	s.Helper()
	s.try(put(db, "alone"))
	s.ok(db.Model(&Setting{Name: "a"}).Update("value", "changed"))
	s.try(db.Transaction(func(tx *gorm.DB) error {
		s.try(put(tx, "in"))
		s.ok(tx.Model(&Setting{}).Where("name IN ?", []string{"a", "b"}).Update("value", "both"))
		s.ok(tx.SavePoint("sp"))
		s.ok(tx.Delete(&Setting{Name: "c"}))
		s.ok(tx.RollbackTo("sp"))
		return tx.Clauses(clause.OnConflict{UpdateAll: true}).Create(&[]Setting{{"c", "up"}, {"d", "new"}}).Error
	}))
	s.fails(db.Transaction(func(tx *gorm.DB) error {
		s.try(put(tx, "never"))
		return errOnPurpose
	}), errOnPurpose)
	if put(db, "a") == nil {
		s.Error("a duplicate was accepted")
	}
	s.ok(db.Delete(&Setting{Name: "b"}))
	s.expect("3 create settings", "4 update settings", "1 delete settings")
}

func mode(options ...testdb.Option) scene {
	sc := settings()
	sc.options = options
	return sc
}

func (sc scene) story(t *testing.T) {
	t.Helper()
	sc.capture(t, func(s *stage) { s.story(s.db.DB) })
}

func TestDefaultTransactions(t *testing.T) { mode().story(t) }

func TestSkipDefaultTransaction(t *testing.T) {
	mode(testdb.WithGORM(func(c *gorm.Config) { c.SkipDefaultTransaction = true })).story(t)
}

// Everything goes through database/sql.
func TestWithoutDriverAccess(t *testing.T) {
	mode(testdb.WithPlugin(auditplugin.WithoutDriverAccess())).story(t)
}

func TestPrepareStmtConfig(t *testing.T) {
	mode(testdb.WithGORM(func(c *gorm.Config) { c.PrepareStmt = true })).story(t)
}

func TestPrepareStmtAndSkipDefaultTransaction(t *testing.T) {
	mode(testdb.WithGORM(func(c *gorm.Config) { c.PrepareStmt, c.SkipDefaultTransaction = true, true })).story(t)
}

func TestPrepareStmtSession(t *testing.T) {
	mode().capture(t, func(s *stage) { s.story(s.db.Session(&gorm.Session{PrepareStmt: true})) })
}

func TestSkipDefaultTransactionSession(t *testing.T) {
	mode().capture(t, func(s *stage) { s.story(s.db.Session(&gorm.Session{SkipDefaultTransaction: true})) })
}

func TestSingleConnection(t *testing.T) {
	mode(testdb.WithMaxOpen(1)).story(t)
}

func TestSingleConnectionPrepared(t *testing.T) {
	mode(testdb.WithMaxOpen(1), testdb.WithGORM(func(c *gorm.Config) { c.PrepareStmt = true })).story(t)
}

func TestTranslateError(t *testing.T) {
	mode(testdb.WithGORM(func(c *gorm.Config) { c.TranslateError = true })).capture(t, func(s *stage) {
		s.story(s.db.DB)
		s.fails(put(s.db.DB, "a"), gorm.ErrDuplicatedKey)
	})
}

func TestQueryFields(t *testing.T) {
	mode(testdb.WithGORM(func(c *gorm.Config) { c.QueryFields = true })).story(t)
}

func TestDisableNestedTransaction(t *testing.T) {
	mode(testdb.WithGORM(func(c *gorm.Config) { c.DisableNestedTransaction = true })).capture(t, func(s *stage) {
		s.try(s.db.Transaction(func(tx *gorm.DB) error {
			s.try(put(tx, "1"))
			s.fails(tx.Transaction(func(tx *gorm.DB) error {
				s.try(put(tx, "2")) // not undone: there is no savepoint
				return errOnPurpose
			}), errOnPurpose)
			return put(tx, "3")
		}))
		s.created("1", "2", "3")
	})
}

func TestUnwrappedPool(t *testing.T) {
	mode(testdb.WithPlugin(auditplugin.WithUnwrappedPool())).capture(t, func(s *stage) {
		s.story(s.db.DB)
		s.judgeTable()
	})
}

func TestUnwrappedPoolPrepared(t *testing.T) {
	mode(testdb.WithPlugin(auditplugin.WithUnwrappedPool()), testdb.WithGORM(func(c *gorm.Config) { c.PrepareStmt = true })).
		capture(t, func(s *stage) {
			s.story(s.db.DB)
			s.judgeTable()
		})
}

func TestConnection(t *testing.T) {
	mode().capture(t, func(s *stage) {
		s.try(s.db.Connection(func(tx *gorm.DB) error {
			s.story(tx.Session(&gorm.Session{})) // the handle itself would add up conditions
			return nil
		}))
		s.judgeTable()
	})
}

func TestTransactionOfTheApplication(t *testing.T) {
	mode().capture(t, func(s *stage) {
		pool, err := s.db.DB.DB()
		s.try(err)
		for _, commit := range []bool{false, true} {
			sqlTx, err := pool.Begin()
			s.try(err)
			tx := s.db.Session(&gorm.Session{NewDB: true})
			tx.Statement.ConnPool = sqlTx
			s.try(put(tx, "x"))
			s.ok(tx.Model(&Setting{Name: "a"}).Update("value", "y"))
			if commit {
				s.try(sqlTx.Commit())
			} else {
				s.try(sqlTx.Rollback())
			}
		}
		s.expect("1 create settings", "1 update settings")
		s.judgeTable()
	})
}

func TestSQLTx(t *testing.T) {
	for name, prepare := range map[string]bool{"plain": false, "prepared": true} {
		t.Run(name, func(t *testing.T) {
			mode(testdb.WithGORM(func(c *gorm.Config) { c.PrepareStmt = prepare })).capture(t, func(s *stage) {
				for _, outcome := range []error{nil, errOnPurpose} {
					err := s.db.Transaction(func(tx *gorm.DB) error {
						sqlTx, err := auditplugin.SQLTx(tx)
						s.try(err)
						s.ok(tx.Model(&Setting{Name: "a"}).Update("value", "shared"))
						var value string
						s.try(sqlTx.QueryRow("SELECT value FROM settings WHERE name = 'a'").Scan(&value))
						if value != "shared" {
							s.Errorf("the other library sees %q", value)
						}
						return outcome
					})
					s.fails(err, outcome)
				}
				if _, err := auditplugin.SQLTx(s.db.DB); err == nil {
					s.Error("a transaction was found outside of one")
				}
				s.expect("1 update settings")
			})
		})
	}
}
