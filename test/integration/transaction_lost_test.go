package integration

import (
	"context"
	"database/sql"
	"errors"
	"testing"
	"time"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
	"gorm.io/gorm"
)

// deferred has a constraint that is checked at COMMIT.
func deferredScene() scene {
	return scene{
		ddl: func(string) []string {
			return []string{
				"CREATE TABLE owners (id BIGINT PRIMARY KEY)",
				"CREATE TABLE things (id BIGINT PRIMARY KEY, owner_id BIGINT REFERENCES owners(id) DEFERRABLE INITIALLY DEFERRED)",
			}
		},
		tables: []string{"owners", "things"},
	}
}

func TestFailedCommit(t *testing.T) {
	testCommit := func(s *stage) {
		if s.db.Target.Dialect == testdb.SQLite && testdb.PureGo() {
			s.Skip("after a COMMIT that fails, this driver leaves the transaction open, and the next one finds the database locked")
		}
		type Thing struct {
			ID      uint
			OwnerID uint
		}
		plain := s.other().Transaction(func(tx *gorm.DB) error { return tx.Create(&Thing{ID: 1, OwnerID: 9}).Error })
		if plain == nil {
			s.Fatal("plain GORM commits; the test shows nothing")
		}
		err := s.db.Transaction(func(tx *gorm.DB) error { return tx.Create(&Thing{ID: 1, OwnerID: 9}).Error })
		if err == nil || err.Error() != plain.Error() {
			s.Errorf("the commit fails with %v, plain GORM with %v", err, plain)
		}
		if err := s.db.Create(&Thing{ID: 2, OwnerID: 9}).Error; err == nil {
			s.Error("the commit of the default transaction did not fail")
		}
		s.expect()
	}
	deferredScene().on(t, testdb.SQLite, testCommit)
	deferredScene().on(t, testdb.Postgres, testCommit)
}

func TestDeadlock(t *testing.T) {
	settings().on(t, testdb.MySQL, func(s *stage) {
		if _, err := s.db.Raw.Exec("CREATE TABLE heavy (n INT)"); err != nil {
			s.Fatal(err)
		}
		victim := s.db.Begin()
		s.try(put(victim, "lost"))
		s.ok(victim.Model(&Setting{Name: "a"}).Update("value", "lost"))

		other, err := s.db.Raw.Begin()
		s.try(err)
		defer func() { _ = other.Rollback() }()
		for range 50 { // the server ends the transaction that did less
			if _, err := other.Exec("INSERT INTO heavy VALUES (1), (2), (3), (4), (5)"); err != nil {
				s.Fatal(err)
			}
		}
		_, err = other.Exec("SELECT * FROM settings WHERE name = 'b' FOR UPDATE")
		s.try(err)
		done := make(chan error, 1)
		go func() {
			_, err := other.Exec("SELECT * FROM settings WHERE name = 'a' FOR UPDATE")
			done <- err
		}()
		waitForLockWait(s)
		if err := victim.Model(&Setting{Name: "b"}).Update("value", "lost").Error; err == nil {
			s.Fatal("there was no deadlock")
		}
		s.try(<-done)
		s.try(other.Commit())
		victim.Error = nil
		s.fails(victim.Commit().Error, auditplugin.ErrTransactionLost)
		s.expect()
	})
}

// waitForLockWait returns when a locking read has been under way for so long that
// it must be waiting. (The table of InnoDB's transactions is no help: it is a cache
// that does not change while it is read often.)
func waitForLockWait(s *stage) {
	s.Helper()
	for range 500 {
		var n int
		s.try(s.db.Raw.QueryRow(`SELECT COUNT(*) FROM information_schema.processlist
			WHERE db = DATABASE() AND info LIKE '%FOR UPDATE' AND time >= 1`).Scan(&n))
		if n > 0 {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	s.Fatal("nobody waits for a lock")
}

// A constraint may return SQLite to autocommit: the earlier writes are gone.
func TestSQLiteAutocommit(t *testing.T) {
	sc := settings()
	sc.ddl = func(string) []string {
		return []string{"CREATE TABLE once (name TEXT UNIQUE ON CONFLICT ROLLBACK)"}
	}
	sc.tables = []string{"once"}
	sc.on(t, testdb.SQLite, func(s *stage) {
		tx := s.db.Begin()
		s.try(put(tx, "lost"))
		s.ok(tx.Table("once").Create(map[string]any{"name": "x"}))
		if tx.Table("once").Create(map[string]any{"name": "x"}).Error == nil {
			s.Fatal("the duplicate was accepted")
		}
		if tx.Commit().Error == nil {
			s.Error("the commit of a lost transaction succeeded")
		}
		s.expect()
	})
}

func TestImplicitCommit(t *testing.T) {
	settings().on(t, testdb.MySQL, func(s *stage) {
		tx := s.db.Begin()
		s.try(put(tx, "committed by DDL"))
		s.ok(tx.Exec("CREATE TABLE another (n INT)"))
		s.ok(tx.Rollback())
		s.created("committed by DDL")
	})
}

func TestContextEndsTransaction(t *testing.T) {
	settings().capture(t, func(s *stage) {
		ctx, cancel := context.WithCancel(context.Background())
		err := s.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
			s.try(put(tx, "x"))
			cancel()
			return nil
		})
		// database/sql gives the one or the other, as it happens to notice first.
		if !errors.Is(err, context.Canceled) && !errors.Is(err, sql.ErrTxDone) {
			s.Errorf("the error is %v", err)
		}
		s.expect()
	})
}
