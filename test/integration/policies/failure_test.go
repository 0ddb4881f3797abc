package policies

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
	"gorm.io/gorm"
)

// breakages make the INSERT of an update's record fail, and work again.
var breakages = map[string]struct {
	// writable tells that records of other actions still get in.
	writable          bool
	breaks, mends     map[string]string
	breakAll, mendAll string
}{
	"table gone": {breakAll: "ALTER TABLE audit_logs RENAME TO audit_elsewhere", mendAll: "ALTER TABLE audit_elsewhere RENAME TO audit_logs"},
	"updates refused": {
		writable: true,
		breaks: map[string]string{
			testdb.SQLite:   "CREATE TRIGGER no_updates BEFORE INSERT ON audit_logs WHEN NEW.action = 'update' BEGIN SELECT RAISE(ABORT, '" + secret + "'); END",
			testdb.Postgres: "ALTER TABLE audit_logs ADD CONSTRAINT no_updates CHECK (action <> 'update') NOT VALID",
			testdb.MySQL: "CREATE TRIGGER no_updates BEFORE INSERT ON audit_logs FOR EACH ROW BEGIN " +
				"IF NEW.action = 'update' THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = '" + secret + "'; END IF; END",
		},
		mends: map[string]string{
			testdb.SQLite:   "DROP TRIGGER no_updates",
			testdb.Postgres: "ALTER TABLE audit_logs DROP CONSTRAINT no_updates",
			testdb.MySQL:    "DROP TRIGGER no_updates",
		},
	},
}

// modes are ways to write that must not differ in what a failure does. Those in a
// transaction go on with it afterwards.
var modes = map[string]func(db *gorm.DB, do func(*gorm.DB) error) error{
	"alone": func(db *gorm.DB, do func(*gorm.DB) error) error { return do(db) },
	"prepared": func(db *gorm.DB, do func(*gorm.DB) error) error {
		return do(db.Session(&gorm.Session{PrepareStmt: true}))
	},
	"no default transaction": func(db *gorm.DB, do func(*gorm.DB) error) error {
		return do(db.Session(&gorm.Session{SkipDefaultTransaction: true}))
	},
	"transaction": func(db *gorm.DB, do func(*gorm.DB) error) error {
		return db.Transaction(func(tx *gorm.DB) error { return errors.Join(do(tx), goOn(tx)) })
	},
	"prepared transaction": func(db *gorm.DB, do func(*gorm.DB) error) error {
		return db.Session(&gorm.Session{PrepareStmt: true}).Transaction(func(tx *gorm.DB) error {
			return errors.Join(do(tx), goOn(tx))
		})
	},
	"nested": func(db *gorm.DB, do func(*gorm.DB) error) error {
		return db.Transaction(func(tx *gorm.DB) error {
			err := tx.Transaction(func(inner *gorm.DB) error { return errors.Join(do(inner), goOn(inner)) })
			if err != nil {
				return err
			}
			return goOn(tx)
		})
	},
}

// goOn uses a transaction after something went wrong in it.
func goOn(tx *gorm.DB) error {
	var n int64
	if err := tx.Model(&account{}).Count(&n).Error; err != nil {
		return err
	}
	return tx.Create(&note{AccountID: 3, Text: "further"}).Error
}

// eachFailure runs f in every mode, for every breakage, with records written at
// commit and at once, on a database whose audit table refuses updates.
func eachFailure(t *testing.T, opts []auditplugin.Option, f func(t *testing.T, d *testdb.DB, h *heard, in func(*gorm.DB, func(*gorm.DB) error) error, writable bool)) {
	testdb.Each(t, func(t *testing.T, g testdb.Target) {
		base := open(t, g)
		for _, limit := range []int{10_000, 1} {
			h := &heard{}
			d := again(t, base, append(opts, auditplugin.WithErrorHandler(h.handle), auditplugin.WithBufferLimit(limit))...)
			for broken, b := range breakages {
				for mode, in := range modes {
					t.Run(fmt.Sprintf("%s, %s, buffer %d", broken, mode, limit), func(t *testing.T) {
						reset(t, d)
						h.take()
						exec(t, d, b.breakAll+b.breaks[g.Dialect])
						mend := func() { exec(t, d, b.mendAll+b.mends[g.Dialect]) }
						defer mend()
						f(t, d, h, in, b.writable)
					})
				}
			}
		}
	})
}

func TestFailWrite(t *testing.T) {
	eachFailure(t, nil, func(t *testing.T, d *testdb.DB, h *heard, in func(*gorm.DB, func(*gorm.DB) error) error, _ bool) {
		failed := d.Plugin.Stats().Failed
		err := in(d.DB, func(tx *gorm.DB) error { return tx.Model(&account{ID: 1}).Update("name", secret).Error })
		if !errors.Is(err, auditplugin.ErrAuditFailed) {
			t.Fatalf("the write returned %v", err)
		}
		ours := ourText(err)
		if !strings.Contains(ours, "account") || !strings.Contains(ours, "update") || strings.Contains(err.Error(), secret) {
			t.Errorf("the error says %q", err)
		}
		if got := nameOf(t, d, 1); got != "Ada" {
			t.Errorf("the row was changed to %q", got)
		}
		if got := content(t, d, "SELECT id, account_id, text FROM notes ORDER BY id"); strings.Contains(got, "further") {
			t.Errorf("the rest of the transaction was committed:\n%s", got)
		}
		if got := d.Announced.Records(); len(got) != 0 {
			t.Errorf("announced were\n%s", brief(got))
		}
		if errs := h.take(); len(errs) != 0 || d.Plugin.Stats().Failed != failed {
			t.Errorf("the handler heard %v, Stats are %+v: the caller knows already", errs, d.Plugin.Stats())
		}
	})
}

// ourText is the part of a joined error that is the plugin's.
func ourText(err error) string {
	if joined, ok := err.(interface{ Unwrap() []error }); ok && !strings.HasPrefix(err.Error(), "auditplugin:") {
		for _, e := range joined.Unwrap() {
			if text := ourText(e); text != "" {
				return text
			}
		}
		return ""
	}
	if errors.Is(err, auditplugin.ErrAuditFailed) {
		return err.Error()
	}
	return ""
}

// An error that the application overlooks still keeps the transaction from
// committing half a truth.
func TestFailWriteOverlooked(t *testing.T) {
	eachFailure(t, nil, func(t *testing.T, d *testdb.DB, _ *heard, _ func(*gorm.DB, func(*gorm.DB) error) error, _ bool) {
		err := d.Transaction(func(tx *gorm.DB) error {
			_ = tx.Model(&account{ID: 1}).Update("name", secret).Error
			_ = tx.Model(&account{ID: 2}).Update("name", secret).Error
			return nil
		})
		if !errors.Is(err, auditplugin.ErrAuditFailed) || strings.Contains(err.Error(), secret) {
			t.Errorf("the commit returned %v", err)
		}
		if one, two := nameOf(t, d, 1), nameOf(t, d, 2); one != "Ada" || two != "Bob" {
			t.Errorf("the rows are %q and %q", one, two)
		}
		if got := d.Announced.Records(); len(got) != 0 {
			t.Errorf("announced were\n%s", brief(got))
		}
	})
}

func TestKeepWrite(t *testing.T) {
	opts := []auditplugin.Option{auditplugin.WithFailurePolicy(auditplugin.KeepWrite)}
	eachFailure(t, opts, func(t *testing.T, d *testdb.DB, h *heard, in func(*gorm.DB, func(*gorm.DB) error) error, writable bool) {
		failed := d.Plugin.Stats().Failed
		db := d.WithContext(audit.WithReason(t.Context(), "ticket 1234"))
		var affected int64
		err := in(db, func(tx *gorm.DB) error {
			res := tx.Model(&account{ID: 1}).Update("name", secret)
			affected = res.RowsAffected
			return res.Error
		})
		if err != nil || affected != 1 {
			t.Fatalf("the write returned %v, %d rows", err, affected)
		}
		if got := nameOf(t, d, 1); got != secret {
			t.Errorf("the row is %q", got)
		}
		if d.Plugin.Stats().Failed == failed {
			t.Error("Stats count no loss")
		}
		lost := false
		for _, err := range h.take() {
			lost = lost || errors.Is(err, auditplugin.ErrAuditFailed) && strings.Contains(err.Error(), "account update")
			if strings.Contains(err.Error(), secret) {
				t.Errorf("the handler heard %q", err)
			}
		}
		if !lost {
			t.Error("the handler heard of no lost update")
		}
		where := map[string][]audit.Record{"announced": d.Announced.Records()}
		if writable {
			where["in the table"] = trail(t, d)
		}
		for place, records := range where {
			if !hasEvent(records, "ticket 1234", "update") {
				t.Errorf("no event %s:\n%s", place, brief(records))
			}
		}
	})
}

// hasEvent finds the event about a write that was refused or not recorded.
func hasEvent(records []audit.Record, reason, action string) bool {
	for _, r := range records {
		if r.Action == audit.Event && r.Outcome == audit.Failure && r.RecordType == "account" && r.Table == "accounts" &&
			r.Reason == reason && r.Metadata["refused_action"] == action && r.Source.Line > 0 {
			return true
		}
	}
	return false
}

// A model's policy counts, whatever the plugin's is.
func TestFailurePolicyByModel(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		base := open(t, g)
		quiet := auditplugin.WithErrorHandler((&heard{}).handle)
		for name, c := range map[string]struct {
			opts            []auditplugin.Option
			accounts, notes bool // are kept
		}{
			"keep one":         {[]auditplugin.Option{auditplugin.WithFailurePolicy(auditplugin.KeepWrite, &note{})}, false, true},
			"keep all but one": {[]auditplugin.Option{auditplugin.WithFailurePolicy(auditplugin.KeepWrite), auditplugin.WithFailurePolicy(auditplugin.FailWrite, "notes")}, true, false},
		} {
			t.Run(name, func(t *testing.T) {
				d := again(t, base, append(c.opts, quiet)...)
				reset(t, d)
				b := breakages["table gone"]
				exec(t, d, b.breakAll)
				defer exec(t, d, b.mendAll)
				for model, kept := range map[any]bool{&account{Name: "new"}: c.accounts, &note{Text: "new"}: c.notes} {
					err := d.Create(model).Error
					if kept && err != nil || !kept && !errors.Is(err, auditplugin.ErrAuditFailed) {
						t.Errorf("%T: %v, want it kept: %v", model, err, kept)
					}
				}
				got := content(t, d, "SELECT name FROM accounts WHERE name = 'new' UNION ALL SELECT text FROM notes WHERE text = 'new'")
				if n := strings.Count(got, "new"); n != 1 {
					t.Errorf("%d rows were kept, want 1", n)
				}
				// In one transaction, the strict one decides.
				err := d.Transaction(func(tx *gorm.DB) error {
					return errors.Join(tx.Create(&account{Name: "both"}).Error, tx.Create(&note{Text: "both"}).Error)
				})
				if !errors.Is(err, auditplugin.ErrAuditFailed) {
					t.Errorf("the transaction returned %v", err)
				}
				if got := content(t, d, "SELECT name FROM accounts WHERE name = 'both' UNION ALL SELECT text FROM notes WHERE text = 'both'"); got != "" {
					t.Errorf("of the transaction there is\n%s", got)
				}
			})
		}
	})
}

// Once the table is back, so is the trail.
func TestKeepWriteRecovers(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		d := open(t, g, auditplugin.WithErrorHandler((&heard{}).handle), auditplugin.WithFailurePolicy(auditplugin.KeepWrite))
		reset(t, d)
		b := breakages["table gone"]
		exec(t, d, b.breakAll)
		must(t, d.Model(&account{ID: 1}).Update("age", 1))
		exec(t, d, b.mendAll)
		d.Announced.Reset()
		must(t, d.Model(&account{}).Where("id > ?", 1).Update("age", 2))
		wantRecords(t, d, "update account 2", "update account 3")
	})
}
