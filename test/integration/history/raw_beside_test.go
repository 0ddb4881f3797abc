package history_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/history"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
	"github.com/gorm-audit/auditplugin/trigger"
	"gorm.io/gorm"
)

type lock struct {
	ID    uint   `gorm:"primaryKey;autoIncrement:false"`
	State string `gorm:"size:20"`
}

// lockKey is a row of which a trigger of the application's changes a lock.
type lockKey struct {
	ID   uint `gorm:"primaryKey;autoIncrement:false"`
	Lock uint
}

// In one transaction records of the plugin and of companion triggers are in the order of the
// changes, whoever sets the triggers off.
func TestOrderBesideCompanionTriggers(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		for _, allowed := range []bool{false, true} {
			options := []auditplugin.Option{auditplugin.WithCompanion()}
			if allowed {
				options = append(options, auditplugin.WithRawSQL(auditplugin.RawAllow))
			}
			prepared := testdb.WithGORM(func(c *gorm.Config) { c.PrepareStmt = allowed })
			db := g.Open(t, migrated(&lock{}, &lockKey{}), testdb.WithPlugin(options...), prepared)
			ctx := context.Background()
			for _, statement := range map[string][]string{
				testdb.SQLite: {"CREATE TRIGGER turn AFTER INSERT ON lock_keys BEGIN UPDATE locks SET state = state || 't' WHERE id = NEW.lock; END"},
				testdb.MySQL:  {"CREATE TRIGGER turn AFTER INSERT ON lock_keys FOR EACH ROW UPDATE locks SET state = CONCAT(state, 't') WHERE id = NEW.`lock`"},
				testdb.Postgres: {
					"CREATE FUNCTION turn() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN UPDATE locks SET state = state || 't' WHERE id = NEW.lock; RETURN NULL; END $$",
					"CREATE TRIGGER turn AFTER INSERT ON lock_keys FOR EACH ROW EXECUTE FUNCTION turn()",
				},
			}[g.Dialect] {
				_, err := db.Raw.Exec(statement)
				must(t, err)
			}
			must(t, trigger.Install(db.DB, trigger.For(&lock{}), trigger.For(&lockKey{})))
			must(t, db.Create(&lock{ID: 1, State: "0"}).Error)
			must(t, db.Transaction(func(tx *gorm.DB) error {
				must(t, tx.Model(&lock{ID: 1}).Update("state", "1").Error)
				must(t, tx.Create(&lockKey{ID: 1, Lock: 1}).Error)
				must(t, tx.Model(&lock{ID: 1}).Update("state", "2").Error)
				_ = tx.Transaction(func(tx *gorm.DB) error { // which takes back what is written in it
					must(t, tx.Exec("UPDATE locks SET state = 'x'").Error)
					return errors.New("undo")
				})
				must(t, tx.Exec("UPDATE locks SET state = '3'").Error)
				return tx.Model(&lock{ID: 1}).Update("state", "4").Error
			}))
			records, err := history.Of(db.DB, &lock{ID: 1}).Find(ctx)
			must(t, err)
			var states []string
			for _, r := range records {
				var then lock
				then.ID = 1
				must(t, history.AsOf(ctx, db.DB, &then, history.After(r)))
				states = append(states, fmt.Sprint(r.After["state"], " is ", then.State))
			}
			if got := fmt.Sprint(states); got != "[0 is 0 1 is 1 1t is 1t 2 is 2 3 is 3 4 is 4]" {
				t.Errorf("raw SQL allowed %v: %s", allowed, got)
			}
		}
	})
}

// Raw SQL of which each row has a record by companion triggers is undone, by itself and with
// its transaction; of which one has none, it is refused.
func TestRawSQLIsUndoneByItsRows(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		db := g.Open(t, migrated(&lock{}, &lockKey{}), testdb.WithPlugin(auditplugin.WithCompanion()))
		must(t, trigger.Install(db.DB, trigger.For(&lock{})))
		ctx := context.Background()
		must(t, db.Create(&[]lock{{ID: 1, State: "a"}, {ID: 2, State: "b"}}).Error)
		must(t, db.Create(&lockKey{ID: 1, Lock: 1}).Error)
		before := rowsOf(t, db.DB, "locks")
		for name, statements := range map[string][]string{
			"update":          {"UPDATE locks SET state = 'x'"},
			"twice":           {"UPDATE locks SET state = 'x' WHERE id = 2", "UPDATE locks SET state = 'y'"},
			"delete":          {"DELETE FROM locks"},
			"insert":          {"INSERT INTO locks VALUES (3, 'c')", "DELETE FROM locks WHERE id = 1"},
			"without trigger": {"UPDATE lock_keys SET lock = 2", "UPDATE locks SET state = 'x'"},
			"no row":          {"UPDATE locks SET state = 'x' WHERE id = 9"},
		} {
			must(t, db.Transaction(func(tx *gorm.DB) error {
				must(t, tx.Model(&lock{ID: 2}).Update("state", "gorm").Error)
				for _, statement := range statements {
					if g.Dialect == testdb.MySQL {
						statement = strings.ReplaceAll(statement, " lock ", " `lock` ")
					}
					must(t, tx.Exec(statement).Error)
				}
				return nil
			}))
			raw, err := history.Search(db.DB).Action(audit.Raw).Newest().First(ctx)
			must(t, err)
			last := rowsOf(t, db.DB, "locks")
			_, err = history.RevertTransaction(ctx, db.DB, raw.TransactionID)
			if refused := name == "without trigger" || name == "no row"; refused != errors.Is(err, history.ErrNotRevertible) || !refused && err != nil {
				t.Errorf("%s: %v", name, err)
			} else if refused {
				_, err = history.RevertTransaction(ctx, db.DB, raw.TransactionID, history.Force())
				must(t, err)
			}
			if got := rowsOf(t, db.DB, "locks"); got != before {
				t.Errorf("%s: undone to %s", name, got)
			}
			if name != "update" {
				continue
			}
			redone := lastRecord(t, db.DB)
			_, err = history.RevertTransaction(ctx, db.DB, redone.TransactionID)
			must(t, err)
			if got := rowsOf(t, db.DB, "locks"); got != last {
				t.Errorf("%s: done again to %s", name, got)
			}
			_, err = history.Revert(ctx, db.DB, raw) // by itself
			must(t, err)
			if got := rowsOf(t, db.DB, "locks"); !strings.Contains(got, "gorm") || strings.Contains(got, "x") {
				t.Errorf("%s: the statement undone to %s", name, got)
			}
			must(t, db.Model(&lock{ID: 2}).Update("state", "b").Error)
		}
	})
}
