package policies

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
	"gorm.io/gorm"
)

// A refusal in a transaction that the application began out of the plugin's sight is
// told once that is over, whoever listens and however it ends; and what it wrote before
// shares one transaction id.
func TestRefusalInATransactionOutOfSight(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		for name, more := range map[string][]testdb.Option{"the table alone": {testdb.TableAlone()}, "with another": nil} {
			t.Run(name, func(t *testing.T) {
				options := append(more, testdb.Before(migrate), testdb.WithPlugin(auditplugin.WithRequiredReason("notes")))
				for _, commit := range []bool{true, false} {
					d := g.Open(t, options...)
					reset(t, d)
					pool, err := d.DB.DB()
					if err != nil {
						t.Fatal(err)
					}
					theirs, err := pool.Begin()
					if err != nil {
						t.Fatal(err)
					}
					tx := d.Session(&gorm.Session{NewDB: true})
					tx.Statement.ConnPool = theirs
					must(t, tx.Model(&account{ID: 1}).Update("name", "Eve"))
					must(t, tx.Model(&account{ID: 2}).Update("name", "Eve"))
					if err := tx.Create(&note{Text: secret}).Error; !errors.Is(err, auditplugin.ErrReasonRequired) {
						t.Errorf("the write returned %v", err)
					}
					end, writes := theirs.Rollback, 0
					if commit {
						end, writes = theirs.Commit, 2
					}
					if err := end(); err != nil {
						t.Fatal(err)
					}
					if err := d.Plugin.Close(context.Background()); err != nil { // waits for what is to be told
						t.Fatal(err)
					}
					ids, events := map[string]int{}, 0
					records := trail(t, d)
					for _, r := range records {
						switch {
						case r.Action == audit.Update:
							ids[r.TransactionID]++
						case r.Action == audit.Event && r.Outcome == audit.Failure && strings.Contains(r.Message, "create of note refused"):
							events++
						}
					}
					if events != 1 || len(records) != writes+1 || commit && (len(ids) != 1 || ids[""] > 0) {
						t.Errorf("commit %t: %d events, transactions %v\n%s", commit, events, ids, brief(records))
					}
				}
			})
		}
	})
}
