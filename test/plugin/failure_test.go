package plugin_test

import (
	"errors"
	"strings"
	"testing"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/emitter"
)

// modes are ways to write that must not differ in what a failure does.
var modes = map[string]func(db *gorm.DB, do func(*gorm.DB) error) error{
	"alone": func(db *gorm.DB, do func(*gorm.DB) error) error { return do(db) },
	"prepared": func(db *gorm.DB, do func(*gorm.DB) error) error {
		return do(db.Session(&gorm.Session{PrepareStmt: true}))
	},
	"no default transaction": func(db *gorm.DB, do func(*gorm.DB) error) error {
		return do(db.Session(&gorm.Session{SkipDefaultTransaction: true}))
	},
	"transaction": func(db *gorm.DB, do func(*gorm.DB) error) error { return db.Transaction(do) },
	"prepared transaction": func(db *gorm.DB, do func(*gorm.DB) error) error {
		return db.Session(&gorm.Session{PrepareStmt: true}).Transaction(do)
	},
	"connection": func(db *gorm.DB, do func(*gorm.DB) error) error { return db.Connection(do) },
}

// breakages make the audit INSERT fail.
var breakages = map[string]string{
	"the table is gone":      "DROP TABLE audit_logs",
	"updates can not insert": "CREATE TRIGGER no BEFORE INSERT ON audit_logs WHEN NEW.action = 'update' BEGIN SELECT RAISE(ABORT, 'value-4711'); END",
}

func TestFailWrite(t *testing.T) {
	for broken, sql := range breakages {
		for mode, in := range modes {
			t.Run(broken+", "+mode, func(t *testing.T) {
				var h heard
				db, p, memory := audited(t, auditplugin.WithErrorHandler(h.handle))
				must(t, db.Create(&user{Name: "Ada"}))
				memory.Reset()
				exec(t, db, sql)
				err := in(db, func(tx *gorm.DB) error { return tx.Model(&user{ID: 1}).Update("name", "value-4711").Error })
				if !errors.Is(err, auditplugin.ErrAuditFailed) {
					t.Fatalf("the write returned %v", err)
				}
				if text := err.Error(); !strings.Contains(text, "user") || !strings.Contains(text, "update") || strings.Contains(text, "value-4711") {
					t.Errorf("the error says %q", text)
				}
				if got := firstName(t, db); got != "Ada" {
					t.Errorf("the row was changed to %q", got)
				}
				memory.AssertNone(t)
				if n := p.Stats().Failed; n != 0 || len(h.all()) != 0 {
					t.Errorf("%d lost, the handler heard %v: the caller knows already", n, h.all())
				}
			})
		}
	}
}

func TestKeepWrite(t *testing.T) {
	for broken, sql := range breakages {
		for mode, in := range modes {
			t.Run(broken+", "+mode, func(t *testing.T) {
				var h heard
				db, p, memory := audited(t, auditplugin.WithErrorHandler(h.handle), auditplugin.WithFailurePolicy(auditplugin.KeepWrite))
				must(t, db.Create(&user{Name: "Ada"}))
				memory.Reset()
				exec(t, db, sql)
				ctx := audit.WithReason(t.Context(), "ticket 1234")
				err := in(db.WithContext(ctx), func(tx *gorm.DB) error {
					return tx.Model(&user{ID: 1}).Update("name", "value-4711").Error
				})
				if err != nil {
					t.Fatalf("the write returned %v", err)
				}
				if got := firstName(t, db); got != "value-4711" {
					t.Errorf("the row is still %q", got)
				}
				lost := 0
				for _, err := range h.all() {
					if errors.Is(err, auditplugin.ErrAuditFailed) && strings.Contains(err.Error(), "user update") {
						lost++
					}
					if strings.Contains(err.Error(), "value-4711") {
						t.Errorf("the handler heard %q", err)
					}
				}
				if lost != 1 || p.Stats().Failed == 0 {
					t.Errorf("the handler heard %v, Stats are %+v", h.all(), p.Stats())
				}
				// The event is where it can be.
				where := map[string][]audit.Record{"announced": memory.Records()}
				if strings.HasPrefix(sql, "CREATE") {
					where["in the table"] = trail(t, db)
				}
				for place, records := range where {
					event := false
					for _, r := range records {
						event = event || r.Action == audit.Event && r.Outcome == audit.Failure && r.RecordType == "user" &&
							strings.Contains(r.Message, "1 records lost") && r.Reason == "ticket 1234" && r.Metadata["refused_action"] == "update"
					}
					if !event {
						t.Errorf("no event %s: %s", place, brief(records))
					}
				}
			})
		}
	}
}

// Once the table is back, so is the trail.
func TestKeepWriteRecovers(t *testing.T) {
	db, _, memory := audited(t, auditplugin.WithErrorHandler((&heard{}).handle), auditplugin.WithFailurePolicy(auditplugin.KeepWrite))
	exec(t, db, "ALTER TABLE audit_logs RENAME TO elsewhere")
	err := db.Transaction(func(tx *gorm.DB) error {
		if err := tx.Create(&user{Name: "Ada"}).Error; err != nil {
			return err
		}
		return tx.Create(&user{Name: "Bob"}).Error
	})
	if err != nil {
		t.Fatal(err)
	}
	exec(t, db, "ALTER TABLE elsewhere RENAME TO audit_logs")
	memory.Reset()
	must(t, db.Model(&user{}).Where("1 = 1").UpdateColumn("age", 36))
	wantTrail(t, db, memory, "update user 1", "update user 2")
}

// The policy of a model counts, whatever the others' is.
func TestFailurePolicyByModel(t *testing.T) {
	for name, c := range map[string]struct {
		opts       []auditplugin.Option
		users, pet bool // are kept
	}{
		"keep one":          {[]auditplugin.Option{auditplugin.WithFailurePolicy(auditplugin.KeepWrite, &pet{})}, false, true},
		"keep all but one":  {[]auditplugin.Option{auditplugin.WithFailurePolicy(auditplugin.KeepWrite), auditplugin.WithFailurePolicy(auditplugin.FailWrite, "pets")}, true, false},
		"fail all, by name": {[]auditplugin.Option{auditplugin.WithFailurePolicy(auditplugin.FailWrite)}, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			db, _, _ := audited(t, append(c.opts, auditplugin.WithErrorHandler((&heard{}).handle))...)
			exec(t, db, "DROP TABLE audit_logs")
			for model, kept := range map[any]bool{&user{Name: "Ada"}: c.users, &pet{Name: "Rex"}: c.pet} {
				err := db.Create(model).Error
				if kept && err != nil || !kept && !errors.Is(err, auditplugin.ErrAuditFailed) {
					t.Errorf("%T: %v, want it kept: %v", model, err, kept)
				}
				if n := count(t, db, model); (n == 1) != kept {
					t.Errorf("%T: %d rows, want it kept: %v", model, n, kept)
				}
			}
		})
	}
}

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
				if n := count(t, db, &user{}); n != c.rows {
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
	if n := count(t, db, &pet{}); n != 0 {
		t.Errorf("%d pets without a record", n)
	}
}
