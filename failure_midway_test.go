package auditplugin_test

import (
	"errors"
	"testing"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/emitter"
)

// The audit table goes away in the middle of a transaction that has written to it.
func TestTableDroppedMidway(t *testing.T) {
	for name, c := range map[string]struct {
		policy auditplugin.FailurePolicy
		rows   int64
	}{"fail": {auditplugin.FailWrite, 1}, "keep": {auditplugin.KeepWrite, 3}} {
		for _, prepare := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				var h heard
				db, p, memory := audited(t, auditplugin.WithErrorHandler(h.handle), auditplugin.WithFailurePolicy(c.policy))
				must(t, db.Create(&user{Name: "before"}))
				err := db.Session(&gorm.Session{PrepareStmt: prepare}).Transaction(func(tx *gorm.DB) error {
					for _, step := range []func() error{
						func() error { return tx.Create(&user{Name: "first"}).Error },
						func() error { return tx.Exec("DROP TABLE audit_logs").Error },
						func() error { return tx.Create(&user{Name: "second"}).Error },
					} {
						if err := step(); err != nil {
							return err
						}
					}
					return nil
				})
				var n int64
				must(t, db.Model(&user{}).Count(&n))
				if n != c.rows {
					t.Errorf("%d rows, want %d", n, c.rows)
				}
				if c.policy == auditplugin.KeepWrite {
					if err != nil || p.Stats().Failed == 0 || len(h.all()) == 0 {
						t.Errorf("the transaction returned %v, Stats are %+v, the handler heard %v", err, p.Stats(), h.all())
					}
					return
				}
				if !errors.Is(err, auditplugin.ErrAuditFailed) {
					t.Errorf("the transaction returned %v", err)
				}
				wantTrail(t, db, memory, "create user 1") // the DROP was rolled back too
			})
		}
	}
}

// A failing write inside a larger transaction can be left out by its savepoint.
func TestFailWriteInNestedTransaction(t *testing.T) {
	db, spy, memory := openDB(t), &spyTable{}, emitter.Memory()
	use(t, db, auditplugin.WithEmitter(spy, memory), auditplugin.WithBufferLimit(1))
	exec(t, db, "CREATE TRIGGER no BEFORE INSERT ON audit_logs WHEN NEW.table_name = 'pets' BEGIN SELECT RAISE(ABORT, 'value-4711'); END")
	err := db.Transaction(func(tx *gorm.DB) error {
		if err := tx.Create(&user{Name: "Ada"}).Error; err != nil {
			return err
		}
		err := tx.Transaction(func(inner *gorm.DB) error { return inner.Create(&pet{Name: "Rex"}).Error })
		if !errors.Is(err, auditplugin.ErrAuditFailed) {
			t.Errorf("the nested transaction returned %v", err)
		}
		return tx.Create(&user{Name: "Bob"}).Error
	})
	if err != nil {
		t.Fatal(err)
	}
	wantTrail(t, db, memory, "create user 1", "create user 2")
	var n int64
	must(t, db.Model(&pet{}).Count(&n))
	if n != 0 {
		t.Errorf("%d pets without a record", n)
	}
}
