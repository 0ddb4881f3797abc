package integration

import (
	"context"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/test/integration/testdb"
)

// A transaction that the application begins by sending BEGIN, on a connection of its own and
// without GORM's default transactions, is left to it: one of ours ended it, so that its
// ROLLBACK undid nothing.
func TestTransactionByHand(t *testing.T) {
	sc := mode(testdb.WithGORM(func(c *gorm.Config) { c.SkipDefaultTransaction = true }))
	sc.capture(t, func(s *stage) {
		testdb.SkipPooled(s.T, "it gives each statement another session")
		s.try(s.db.Connection(func(tx *gorm.DB) error {
			do := func(statement string) {
				s.Helper()
				s.ok(tx.Session(&gorm.Session{NewDB: true}).Exec(statement))
			}
			now := func() *gorm.DB { return tx.Session(&gorm.Session{NewDB: true}) }
			for _, end := range []string{"ROLLBACK", "COMMIT"} {
				do("BEGIN")
				s.try(put(now(), "by hand"))
				s.ok(now().Model(&Setting{Name: "a"}).Update("value", end))
				do("SAVEPOINT here")
				s.ok(now().Model(&Setting{Name: "b"}).Update("value", "undone"))
				do("ROLLBACK TO SAVEPOINT here")
				do(end)
			}
			s.ok(now().Model(&Setting{Name: "b"}).Update("value", "alone"))
			return nil
		}))
		s.expect("1 create settings", "2 update settings")
		s.judgeTable()
	})
}

func TestXATransaction(t *testing.T) {
	sc := mode(testdb.WithGORM(func(c *gorm.Config) { c.SkipDefaultTransaction = true }))
	sc.on(t, testdb.MySQL, func(s *stage) {
		database := s.db.Migrator().CurrentDatabase() // the server tells them all apart
		s.try(s.db.Connection(func(tx *gorm.DB) error {
			for _, end := range []string{"ROLLBACK", "COMMIT"} {
				for _, statement := range []string{"START", "", "END", "PREPARE", end} {
					now := tx.Session(&gorm.Session{NewDB: true})
					if statement == "" {
						s.try(put(now, "by hand"))
						continue
					}
					s.ok(now.Exec("XA " + statement + " '" + database + end + "'"))
				}
			}
			return nil
		}))
		s.expect("1 create settings")
		s.judgeTable()
	})
}

// A connection that is given back in the middle of such a transaction is not waited for.
func TestTransactionByHandWithoutEnd(t *testing.T) {
	sc := mode(testdb.WithGORM(func(c *gorm.Config) { c.SkipDefaultTransaction = true }))
	sc.on(t, testdb.Postgres, func(s *stage) {
		testdb.SkipPooled(s.T, "it gives each statement another session")
		s.oracle = nil
		s.try(s.db.Connection(func(tx *gorm.DB) error {
			s.ok(tx.Session(&gorm.Session{NewDB: true}).Exec("BEGIN"))
			return put(tx.Session(&gorm.Session{NewDB: true}), "by hand")
		}))
		ctx, cancel := context.WithTimeout(s.Context(), 8*time.Second)
		defer cancel()
		s.try(s.db.Plugin.Close(ctx))
	})
}
