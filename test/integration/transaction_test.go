package integration

import (
	"errors"
	"fmt"
	"testing"

	"github.com/gorm-audit/auditplugin/test/integration/oracle"
	"gorm.io/gorm"
)

var errOnPurpose = errors.New("on purpose")

func settings() scene {
	return scene{models: []any{&Setting{}}, seed: seedSettings("a", "b", "c")}
}

// toldSettings is settings for tests that look at what is announced.
func toldSettings() scene {
	s := settings()
	s.told = true
	return s
}

// put writes one setting.
func put(tx *gorm.DB, name string) error {
	return tx.Create(&Setting{Name: name, Value: "1"}).Error
}

// created are the names of the settings whose creation the trail shows.
func (s *stage) created(want ...string) {
	s.Helper()
	got := []string{}
	for _, e := range s.trail() {
		if e.Action == "create" {
			got = append(got, e.RecordID)
		}
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		s.Errorf("the trail has the creation of %v, want %v", got, want)
	}
}

func TestTransactionCommit(t *testing.T) {
	toldSettings().capture(t, func(s *stage) {
		s.try(s.db.Transaction(func(tx *gorm.DB) error {
			s.try(put(tx, "x"))
			s.ok(tx.Model(&Setting{Name: "a"}).Update("value", "2"))
			s.ok(tx.Delete(&Setting{Name: "b"}))
			if len(s.db.Announced.Batches()) != 0 {
				s.Error("announced before the commit")
			}
			return nil
		}))
		if n := len(s.db.Announced.Batches()); n != 1 {
			s.Errorf("announced in %d batches", n)
		}
		s.expect("1 create settings", "1 update settings", "1 delete settings")
	})
}

func TestTransactionID(t *testing.T) {
	settings().capture(t, func(s *stage) {
		for _, value := range []string{"1", "2"} {
			s.try(s.db.Transaction(func(tx *gorm.DB) error {
				s.ok(tx.Model(&Setting{Name: "a"}).Update("value", value))
				return tx.Model(&Setting{Name: "b"}).Update("value", value).Error
			}))
		}
		s.ok(s.db.Delete(&Setting{}, "name IN ?", []string{"b", "c"}))
		ids := map[string]int{}
		for _, e := range s.trail() {
			ids[e.TransactionID]++
		}
		if len(ids) != 3 || ids[""] != 0 {
			s.Errorf("the transactions are %v", ids)
		}
	})
}

func TestRollback(t *testing.T) {
	settings().capture(t, func(s *stage) {
		err := s.db.Transaction(func(tx *gorm.DB) error {
			s.try(put(tx, "x"))
			return errOnPurpose
		})
		s.fails(err, errOnPurpose)
		tx := s.db.Begin()
		s.try(put(tx, "y"))
		s.ok(tx.Rollback())
		s.expect()
	})
}

func TestManualBegin(t *testing.T) {
	settings().capture(t, func(s *stage) {
		tx := s.db.Begin()
		s.try(put(tx, "x"))
		s.try(put(tx, "y"))
		s.ok(tx.Commit())
		if tx.Commit().Error == nil {
			s.Error("a second commit was accepted")
		}
		s.created("x", "y")
	})
}

func TestRollbackTo(t *testing.T) {
	settings().capture(t, func(s *stage) {
		tx := s.db.Begin()
		s.try(put(tx, "kept"))
		s.ok(tx.SavePoint("one"))
		s.try(put(tx, "dropped"))
		s.ok(tx.RollbackTo("one"))
		s.try(put(tx, "after"))
		s.ok(tx.RollbackTo("one"))
		s.try(put(tx, "last"))
		s.ok(tx.Commit())
		s.created("kept", "last")
	})
}

func TestNestedTransaction(t *testing.T) {
	toldSettings().capture(t, func(s *stage) {
		s.try(s.db.Transaction(func(tx *gorm.DB) error {
			s.try(put(tx, "outer"))
			s.try(tx.Transaction(func(tx *gorm.DB) error { return put(tx, "inner") }))
			s.fails(tx.Transaction(func(tx *gorm.DB) error {
				s.try(put(tx, "failed"))
				s.try(tx.Transaction(func(tx *gorm.DB) error { return put(tx, "deep in failed") }))
				return errOnPurpose
			}), errOnPurpose)
			return put(tx, "end")
		}))
		s.created("outer", "inner", "end")
		if n := len(s.db.Announced.Batches()); n != 1 {
			s.Errorf("announced in %d batches", n)
		}
	})
}

func TestPanicInTransaction(t *testing.T) {
	settings().capture(t, func(s *stage) {
		func() {
			defer func() {
				if recover() == nil {
					s.Error("the panic was swallowed")
				}
			}()
			_ = s.db.Transaction(func(tx *gorm.DB) error {
				s.try(put(tx, "x"))
				panic("on purpose")
			})
		}()
		s.try(s.db.Transaction(func(tx *gorm.DB) error {
			func() {
				defer func() { _ = recover() }()
				_ = tx.Transaction(func(tx *gorm.DB) error {
					s.try(put(tx, "y"))
					panic("on purpose")
				})
			}()
			return put(tx, "z")
		}))
		s.created("z")
	})
}

func TestStatementFailsInTransaction(t *testing.T) {
	settings().capture(t, func(s *stage) {
		tx := s.db.Begin()
		s.try(put(tx, "x"))
		s.ok(tx.SavePoint("p"))
		if put(tx, "a") == nil {
			s.Error("a duplicate was accepted")
		}
		s.ok(tx.RollbackTo("p"))
		s.try(put(tx, "y"))
		s.ok(tx.Commit())
		s.created("x", "y")
	})
}

func TestAuditTableInsideTransaction(t *testing.T) {
	settings().capture(t, func(s *stage) {
		var rolledBack string
		err := s.db.Transaction(func(tx *gorm.DB) error {
			var n int64
			for i := range 3 {
				s.try(put(tx, fmt.Sprint(i)))
				s.ok(tx.Table("audit_logs").Count(&n))
				if n != int64(i+1) {
					s.Errorf("%d records seen after %d writes", n, i+1)
				}
			}
			s.ok(tx.Raw("SELECT record_id FROM audit_logs ORDER BY seq DESC LIMIT 1").Scan(&rolledBack))
			return errOnPurpose
		})
		s.fails(err, errOnPurpose)
		if rolledBack != "2" {
			s.Errorf("the newest record is about %q", rolledBack)
		}
		s.try(s.db.Transaction(func(tx *gorm.DB) error {
			var n int64
			s.try(put(tx, "x"))
			s.ok(tx.Table("audit_logs").Count(&n))
			s.ok(tx.SavePoint("sp"))
			s.try(put(tx, "y"))
			s.ok(tx.Table("audit_logs").Count(&n))
			s.ok(tx.RollbackTo("sp"))
			s.ok(tx.Table("audit_logs").Count(&n))
			if n != 1 {
				s.Errorf("%d records seen after the rollback to the savepoint", n)
			}
			return nil
		}))
		s.created("x")
	})
}

func TestManyRecordsInTransaction(t *testing.T) {
	sc := settings()
	sc.seed = nil
	sc.capture(t, func(s *stage) {
		s.try(s.db.Transaction(func(tx *gorm.DB) error {
			for i := range 40 {
				s.try(put(tx, fmt.Sprint("n", i)))
			}
			return tx.Where("name LIKE ?", "n1%").Delete(&Setting{}).Error
		}))
		s.expect("40 create settings", "11 delete settings")
	})
}

// judgeTable compares the table with the database only, where announcing is not
// exact by design.
func (s *stage) judgeTable() []oracle.Entry {
	s.Helper()
	trail := s.oracle.Check(s, nil)
	s.oracle = nil
	s.tallied(trail)
	return trail
}
