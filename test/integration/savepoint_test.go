package integration

import (
	"testing"

	"gorm.io/gorm"
)

func TestSavePointNames(t *testing.T) {
	settings().capture(t, func(s *stage) {
		tx := s.db.Begin()
		s.try(put(tx, "1"))
		s.ok(tx.SavePoint("sp"))
		s.try(put(tx, "2"))
		s.ok(tx.SavePoint("SP")) // the same name but on PostgreSQL, where GORM does not quote it either
		s.try(put(tx, "3"))
		s.ok(tx.RollbackTo("Sp"))
		s.try(put(tx, "4"))
		s.ok(tx.Commit())
		s.created("1", "2", "4")
	})
}

// Redeclaring a savepoint deletes the older one on MySQL and hides it elsewhere.
func TestSavePointRedeclared(t *testing.T) {
	settings().capture(t, func(s *stage) {
		tx := s.db.Begin()
		s.ok(tx.SavePoint("sp"))
		s.try(put(tx, "1"))
		s.ok(tx.SavePoint("sp"))
		s.try(put(tx, "2"))
		s.ok(tx.Exec("RELEASE SAVEPOINT sp"))
		s.try(put(tx, "3"))
		if s.db.Target.Dialect == "mysql" {
			if tx.Exec("ROLLBACK TO SAVEPOINT sp").Error == nil {
				s.Error("the older savepoint is still there")
			}
			s.ok(tx.Commit())
			s.created("1", "2", "3")
			return
		}
		s.ok(tx.RollbackTo("sp"))
		s.try(put(tx, "4"))
		s.ok(tx.Commit())
		s.created("4")
	})
}

func TestSavePointRelease(t *testing.T) {
	settings().capture(t, func(s *stage) {
		tx := s.db.Begin()
		s.ok(tx.SavePoint("outside"))
		s.try(put(tx, "1"))
		s.ok(tx.SavePoint("inside"))
		s.try(put(tx, "2"))
		s.ok(tx.Exec("RELEASE SAVEPOINT inside"))
		s.try(put(tx, "3"))
		s.ok(tx.RollbackTo("outside"))
		s.try(put(tx, "4"))
		s.ok(tx.Commit())
		s.created("4")
	})
}

// A savepoint statement that fails changes nothing.
func TestSavePointUnknown(t *testing.T) {
	settings().capture(t, func(s *stage) {
		if s.db.Target.Dialect == "postgres" {
			s.Skip("an error ends the transaction")
		}
		tx := s.db.Begin()
		s.ok(tx.SavePoint("known"))
		s.try(put(tx, "1"))
		if tx.Exec("ROLLBACK TO SAVEPOINT unknown").Error == nil {
			s.Error("an unknown savepoint was accepted")
		}
		tx.Error = nil
		s.ok(tx.Session(&gorm.Session{NewDB: true}).Commit())
		s.created("1")
	})
}
