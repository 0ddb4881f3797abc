package integration

import (
	"testing"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
)

// MariaDB with innodb_snapshot_isolation ends a transaction whose row has changed since its
// snapshot; without, and on MySQL, the statement goes through. What is recorded is what is
// stored.
func TestRowChangedSinceTheSnapshot(t *testing.T) {
	settings().on(t, testdb.MySQL, func(s *stage) {
		tx := s.db.Begin()
		set := tx.Exec("SET SESSION innodb_snapshot_isolation = ON")
		var n int64
		s.ok(tx.Model(&Setting{}).Count(&n))
		s.try(put(tx, "before"))
		if _, err := s.db.Raw.Exec("UPDATE settings SET value = 'theirs' WHERE name = 'a'"); err != nil {
			s.Fatal(err)
		}
		changed := tx.Model(&Setting{Name: "a"}).Update("value", "ours").Error
		if changed != nil && set.Error != nil {
			s.Fatal(changed)
		}
		s.try(put(tx, "after"))
		err := tx.Commit().Error
		if changed != nil {
			s.fails(err, auditplugin.ErrTransactionLost)
			s.oracle = nil // the first write is gone, and somebody else changed a row
			trail := s.trail()
			if len(trail) != 1 || trail[0].After["name"] != "after" {
				s.Errorf("recorded are %v", tally(trail))
			}
			return
		}
		s.try(err)
		s.oracle = nil // somebody else changed a row
		if got := tally(s.trail()); len(got) != 2 {
			s.Errorf("recorded are %v", got)
		}
	})
}

// A lock that does not come in time ends the statement, and the transaction where the
// server is set to: which it says nowhere in the error.
func TestLockWaitTimeout(t *testing.T) {
	settings().on(t, testdb.MySQL, func(s *stage) {
		var ends bool
		s.try(s.db.Raw.QueryRow("SELECT @@innodb_rollback_on_timeout").Scan(&ends))
		other, err := s.db.Raw.Begin()
		s.try(err)
		defer func() { _ = other.Rollback() }()
		_, err = other.Exec("SELECT * FROM settings WHERE name = 'a' FOR UPDATE")
		s.try(err)
		tx := s.db.Begin()
		s.ok(tx.Exec("SET SESSION innodb_lock_wait_timeout = 1"))
		s.try(put(tx, "before"))
		if tx.Model(&Setting{Name: "a"}).Update("value", "late").Error == nil {
			s.Fatal("the lock was had")
		}
		s.try(put(tx, "after"))
		err = tx.Commit().Error
		if ends {
			s.fails(err, auditplugin.ErrTransactionLost)
			s.created("after")
			return
		}
		s.try(err)
		s.created("before", "after")
	})
}

// A statement that fails ends nothing but itself: what was written before it is recorded.
func TestFailedStatementEndsNothing(t *testing.T) {
	settings().on(t, testdb.MySQL, func(s *stage) {
		tx := s.db.Begin()
		s.try(put(tx, "kept"))
		if put(tx, "kept") == nil {
			s.Fatal("the duplicate was accepted")
		}
		if tx.Exec("SELECT * FROM nowhere").Error == nil || tx.Exec("SELEC 1").Error == nil {
			s.Fatal("nonsense was accepted")
		}
		s.ok(tx.Commit())
		s.created("kept")
	})
}
