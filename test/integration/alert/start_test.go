package alert_test

import (
	"testing"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/alert"
	"github.com/gorm-audit/auditplugin/relay"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
)

// Processes start one after the other and together, each with connections of its own, on
// a database that has none of our tables. Behind a pooler they share sessions: a question
// that fails must not leave a prepared statement there that others then meet.
func TestProcessesStart(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		first := g.Open(t)
		rules, channels := []alert.Rule{mfaRule()}, map[string]alert.Channel{"inbox": &inbox{}}
		start := func(db *gorm.DB) error {
			if _, err := alert.New(db, rules, channels, quick()...); err != nil {
				return err
			}
			_, err := relay.New(db, relay.WithLogger(quiet()))
			return err
		}
		const processes = 6
		started := make(chan error, processes)
		for range processes {
			db := g.Open(t, testdb.In(first.DSN), testdb.WithoutPlugin())
			// Sessions of the pooler's that are at work, so that others are taken.
			tx := db.Begin()
			if err := tx.Exec("SELECT 1").Error; err != nil {
				t.Fatal(err)
			}
			defer tx.Rollback()
			go func() { started <- start(db.DB) }()
		}
		for range processes {
			if err := <-started; err != nil {
				t.Error(err)
			}
		}
		for range processes {
			if err := start(g.Open(t, testdb.In(first.DSN), testdb.WithoutPlugin()).DB); err != nil {
				t.Errorf("later: %v", err)
			}
		}
	})
}
