package integration

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
)

// A statement that runs into a timeout of its own does so once, in the server's words, and
// the transaction goes on.
func TestStatementTimeout(t *testing.T) {
	seats(plainSeats).on(t, testdb.MySQL, func(s *stage) {
		if !s.db.MariaDB(s.T) {
			s.Skip("MySQL times reads only")
		}
		other, err := s.db.Raw.Begin()
		s.try(err)
		defer func() { _ = other.Rollback() }()
		if _, err := other.Exec("UPDATE seats SET n = 5 WHERE id = 1"); err != nil {
			s.Fatal(err)
		}
		run := func(db *gorm.DB, id int) (took time.Duration, err error) {
			s.try(db.Transaction(func(tx *gorm.DB) error {
				s.ok(tx.Exec("SET SESSION max_statement_time = 0.4"))
				s.ok(tx.Create(&Seat{ID: id, Name: string(rune('a' + id))}))
				begun := time.Now()
				err = tx.Model(&Seat{ID: 1}).Update("n", 9).Error
				took = time.Since(begun)
				s.ok(tx.Exec("SET SESSION max_statement_time = 0"))
				return nil
			}))
			return took, err
		}
		_, want := run(s.other(), 5)
		took, err := run(s.db.DB, 6)
		if want == nil || err == nil || err.Error() != want.Error() || took > 700*time.Millisecond {
			s.Errorf("after %v the error is %v, without the plugin %v", took, err, want)
		}
		s.oracle = nil // it saw the write without the plugin, too
		if got := tally(s.trail()); len(got) != 1 || got[0] != "1 create seats" {
			s.Errorf("recorded are %v", got)
		}
	})
}

// A statement that is cancelled may take the connection with it: what comes then fails as it
// does without the plugin.
func TestStatementCancelled(t *testing.T) {
	slow := map[string]string{
		testdb.Postgres: "(SELECT 1 FROM pg_sleep(2))", testdb.MySQL: "SLEEP(2)",
		testdb.SQLite: "(WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 50000000) SELECT COUNT(*) FROM c)",
	}
	if testdb.PureGo() { // it takes ten times as long
		slow[testdb.SQLite] = strings.Replace(slow[testdb.SQLite], "50000000", "3000000", 1)
	}
	seats(plainSeats).natively(t, func(s *stage) {
		run := func(db *gorm.DB) (errs []string) {
			note := func(err error) { errs = append(errs, fmt.Sprint(err)) }
			tx := db.Begin()
			note(tx.Create(&Seat{ID: 7, Name: "g"}).Error)
			ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
			defer cancel()
			note(tx.WithContext(ctx).Model(&Seat{ID: 1}).Update("n", gorm.Expr(slow[s.db.Target.Dialect])).Error)
			note(tx.Commit().Error)
			return errs
		}
		want, got := run(s.other()), run(s.db.DB)
		if s.db.Target.Dialect == testdb.SQLite && testdb.PureGo() {
			// Its driver does not interrupt a statement that returns rows, as ours does: it is
			// done when the error comes, and the transaction is still there.
			if refused := auditplugin.ErrAuditFailed.Error(); !strings.HasPrefix(got[2], refused) {
				s.Errorf("COMMIT says %s, want %s", got[2], refused)
			}
			got[1], got[2] = want[1], want[2]
		}
		if !slices.Equal(got, want) {
			s.Errorf("the errors are %q, without the plugin %q", got, want)
		}
		s.expect()
	})
}

// Where a failing write is to be kept, one that was done behind an error is undone.
func TestStatementCancelledUnderKeepWrite(t *testing.T) {
	t.Setenv(testdb.PureGoEnv, "1")
	sc := seats(plainSeats)
	sc.options = []testdb.Option{testdb.WithPlugin(auditplugin.WithFailurePolicy(auditplugin.KeepWrite))}
	sc.run(t, testdb.Target{Dialect: testdb.SQLite}, func(s *stage) {
		s.try(s.db.Transaction(func(tx *gorm.DB) error {
			s.ok(tx.Create(&Seat{ID: 7, Name: "g"}))
			ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
			defer cancel()
			slow := gorm.Expr("(WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 1000000) SELECT COUNT(*) FROM c)")
			s.fails(tx.WithContext(ctx).Model(&Seat{ID: 1}).Update("n", slow).Error, context.DeadlineExceeded)
			return nil
		}))
		s.expect("1 create seats")
	})
}
