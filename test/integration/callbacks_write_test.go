package integration

import (
	"errors"
	"testing"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gorm-audit/auditplugin/test/integration/testdb"
)

// CounterNote is what an application's own callbacks write down of counters.
type CounterNote struct {
	ID   uint
	What string
}

// takeNotes registers callbacks right beside GORM's own, which write by themselves.
func takeNotes(db *gorm.DB) error {
	note := func(what string) func(*gorm.DB) {
		return func(db *gorm.DB) {
			if db.Statement.Table == "counters" && db.Error == nil {
				_ = db.AddError(takeNote(db.Session(&gorm.Session{NewDB: true}), what))
			}
		}
	}
	cb := db.Callback()
	return errors.Join(
		cb.Create().Before("gorm:create").Register("note", note("create")),
		cb.Update().Before("gorm:update").Register("note", note("update")),
		cb.Update().After("gorm:update").Register("noted", note("updated")),
		cb.Delete().Before("gorm:delete").Register("note", note("delete")),
	)
}

func takeNote(db *gorm.DB, what string) error {
	note := CounterNote{What: what}
	err := errors.Join(db.Create(&note).Error,
		db.Model(&note).Update("what", what+" it").Error,
		db.Clauses(clause.OnConflict{UpdateAll: true}).Create(&CounterNote{ID: note.ID, What: what + " that"}).Error)
	gone := db.Transaction(func(tx *gorm.DB) error {
		return errors.Join(tx.Create(&CounterNote{What: "gone"}).Error, errOnPurpose)
	})
	if !errors.Is(gone, errOnPurpose) {
		err = errors.Join(err, gone)
	}
	_, noPool := db.DB()
	return errors.Join(err, noPool)
}

// Where no transaction had begun, such callbacks had a connection that begins none: their
// writes failed.
func TestCallbacksWrite(t *testing.T) {
	for name, change := range map[string]func(*gorm.Config){
		"default":  func(*gorm.Config) {},
		"skipping": func(c *gorm.Config) { c.SkipDefaultTransaction = true },
		"prepared": func(c *gorm.Config) { c.SkipDefaultTransaction, c.PrepareStmt = true, true },
	} {
		t.Run(name, func(t *testing.T) {
			options := []testdb.Option{testdb.WithGORM(change), testdb.After(takeNotes)}
			scene{models: []any{&Counter{}, &CounterNote{}}, options: options}.capture(t, func(s *stage) {
				c := Counter{Name: "a"}
				s.ok(s.db.Create(&c))
				s.ok(s.db.Model(&c).Update("hits", 2))
				s.ok(s.db.Delete(&c))
				s.expect("1 create counters", "1 update counters", "1 delete counters", "4 create counter_notes", "8 update counter_notes")
			})
		})
	}
}
