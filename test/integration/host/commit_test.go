package host

import (
	"context"
	"database/sql"
	"errors"
	"testing"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/test/integration/testdb"
)

// TestCommitErrors: what makes a commit fail, fails it in the same words.
func TestCommitErrors(t *testing.T) {
	ddl := map[string][]string{
		testdb.SQLite: {
			"CREATE TABLE accounts (id integer PRIMARY KEY, name text, entries int)",
			"CREATE TABLE lines (id integer PRIMARY KEY, account_id int REFERENCES accounts DEFERRABLE INITIALLY DEFERRED, text text)",
		},
		testdb.Postgres: {
			"CREATE TABLE accounts (id bigserial PRIMARY KEY, name text, entries int)",
			"CREATE TABLE lines (id bigserial PRIMARY KEY, account_id bigint REFERENCES accounts DEFERRABLE INITIALLY DEFERRED, text text)",
		},
		testdb.MySQL: {
			"CREATE TABLE accounts (id bigint AUTO_INCREMENT PRIMARY KEY, name text, entries int)",
			"CREATE TABLE `lines` (id bigint AUTO_INCREMENT PRIMARY KEY, account_id bigint, text text, FOREIGN KEY (account_id) REFERENCES accounts (id))",
		},
	}
	testdb.Each(t, func(t *testing.T, g testdb.Target) {
		plain, audited := both(t, g, func(t *testing.T, d *testdb.DB) (notes []string) {
			run(t, d, ddl[g.Dialect]...)
			must(t, d.Create(accounts(1)).Error)
			note := func(what string, err error) { notes = append(notes, what+": "+told(err)) }

			note("no parent", d.Create(&Line{AccountID: 99}).Error)
			note("no parent, in a transaction", d.Transaction(func(tx *gorm.DB) error {
				return tx.Create(&Line{AccountID: 98}).Error
			}))
			tx := d.Begin()
			must(t, tx.Create(&Line{AccountID: 1, Text: "twice"}).Error)
			note("commit", tx.Commit().Error)
			note("commit again", tx.Commit().Error)
			note("roll back after it", tx.Rollback().Error)

			tx = d.Begin()
			must(t, tx.Create(&Line{ID: 500, AccountID: 1}).Error)
			note("refused", tx.Create(&Line{ID: 500, AccountID: 1}).Error)
			note("after the refusal", tx.Create(&Line{ID: 501, AccountID: 1}).Error)
			note("commit after the refusal", tx.Commit().Error)

			ctx, cancel := context.WithCancel(context.Background())
			tx = d.WithContext(ctx).Begin()
			must(t, tx.Create(&Line{AccountID: 1, Text: "cancelled"}).Error)
			cancel()
			// database/sql says one or the other, as the rollback under way is over or not.
			err := tx.Commit().Error
			if errors.Is(err, context.Canceled) || errors.Is(err, sql.ErrTxDone) {
				err = context.Canceled
			}
			note("cancelled before commit", err)
			note("write under an ended context", d.WithContext(ctx).Create(&Line{AccountID: 1}).Error)
			note("begin under an ended context", d.WithContext(ctx).Begin().Error)
			note("the pool is well", d.Create(&Line{ID: 900, AccountID: 1, Text: "last"}).Error)
			return append(notes, rows(t, d.DB, "SELECT id FROM accounts ORDER BY id"), rows(t, d.DB, "SELECT account_id, text FROM "+d.Statement.Quote("lines")+" ORDER BY id"))
		})
		same(t, plain, audited)
	})
}
