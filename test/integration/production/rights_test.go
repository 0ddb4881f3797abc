package production

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5/pgconn"
	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/alert"
	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/emitter"
	"github.com/gorm-audit/auditplugin/history"
	"github.com/gorm-audit/auditplugin/relay"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
)

// deeds is what each role is for. They share a database, in this order: the
// application first, which leaves the records that the others work on.
var deeds = []struct {
	role    string
	does    func(t *testing.T, db *gorm.DB)
	refused []string
}{
	{"application", writes, []string{"UPDATE audit_logs SET reason = ''", "DELETE FROM audit_logs", "SELECT seq FROM audit_logs"}},
	{"history", asks, []string{"UPDATE audit_logs SET reason = ''", "DELETE FROM audit_logs", "INSERT INTO audit_logs (id) VALUES ('x')", "DELETE FROM accounts"}},
	{"relay", delivers, []string{"UPDATE audit_logs SET reason = ''", "DELETE FROM audit_logs", "SELECT phone FROM accounts"}},
	{"alerts", tells, []string{"UPDATE audit_logs SET reason = ''", "DELETE FROM audit_logs", "SELECT phone FROM accounts"}},
	{"revert", reverts, []string{"UPDATE audit_logs SET reason = ''", "DELETE FROM audit_logs"}},
	{"erase", erases, []string{"DELETE FROM audit_logs", "UPDATE accounts SET phone = ''"}},
	{"prune", prunes, []string{"UPDATE audit_logs SET reason = ''", "SELECT phone FROM accounts"}},
}

// Each role of docs/production.md can do what it is for, and not what it is not for.
func TestRolesOfTheDocumentation(t *testing.T) {
	for _, dialect := range []string{testdb.Postgres, testdb.MySQL} {
		testdb.Only(t, dialect, func(t *testing.T, g testdb.Target) {
			roles := documented(t)
			if len(roles) != len(deeds) {
				t.Errorf("%d roles are documented, %d are tried", len(roles), len(deeds))
			}
			s := newScene(t, g)
			for _, d := range deeds {
				r, found := roles[d.role]
				if !found {
					t.Fatalf("docs/production.md has no role %s", d.role)
				}
				t.Run(d.role, func(t *testing.T) {
					db := s.as(t, r)
					d.does(t, db)
					for _, statement := range d.refused {
						refuses(t, db, statement)
					}
				})
			}
		})
	}
}

// refuses tells whether it is for want of a right that a statement fails: PostgreSQL's
// 42501, MariaDB's 1142 and 1143.
func refuses(t *testing.T, db *gorm.DB, statement string) {
	t.Helper()
	err := db.Session(&gorm.Session{NewDB: true}).Exec(statement).Error
	var postgres *pgconn.PgError
	var mariadb *mysql.MySQLError
	switch {
	case errors.As(err, &postgres) && postgres.Code == "42501":
	case errors.As(err, &mariadb) && (mariadb.Number == 1142 || mariadb.Number == 1143):
	default:
		t.Errorf("%s: %v", statement, err)
	}
}

func writes(t *testing.T, db *gorm.DB) {
	install(t, db)
	a := account{Phone: "1"}
	must(t, db.Create(&a).Error)
	must(t, db.Model(&a).Update("phone", "2").Error)
	must(t, db.Transaction(func(tx *gorm.DB) error {
		other := account{Phone: "3"}
		if err := tx.Create(&other).Error; err != nil {
			return err
		}
		return tx.Delete(&other).Error
	}))
}

func asks(t *testing.T, db *gorm.DB) {
	records, err := history.Of(db, &account{ID: 1}).Find(t.Context())
	must(t, err)
	if len(records) != 2 {
		t.Errorf("%d records of account 1, not 2", len(records))
	}
	was := account{ID: 1}
	must(t, history.AsOf(t.Context(), db, &was, history.Before(records[1])))
	if was.Phone != "1" {
		t.Errorf("the phone was %q", was.Phone)
	}
}

func delivers(t *testing.T, db *gorm.DB) {
	r, err := relay.New(db, relay.NoCreate(), relay.PollEvery(10*time.Millisecond))
	must(t, err)
	seen := make(chan struct{}, 100)
	must(t, r.Subscribe("rights", emitter.Func(func(_ context.Context, records []audit.Record) error {
		for range records {
			seen <- struct{}{}
		}
		return nil
	})))
	within(t, 4, seen, r.Run)
}

func tells(t *testing.T, db *gorm.DB) {
	told := make(chan struct{}, 100)
	engine, err := alert.New(db, []alert.Rule{alert.When(alert.Action(audit.Update)).Named("updates").To("desk")},
		map[string]alert.Channel{"desk": alert.Func(func(context.Context, alert.Message) error { told <- struct{}{}; return nil })},
		alert.NoCreate(), alert.WithPoll(10*time.Millisecond))
	must(t, err)
	r, err := relay.New(db, relay.NoCreate(), relay.PollEvery(10*time.Millisecond))
	must(t, err)
	within(t, 1, told, func(ctx context.Context) error { return alert.Run(ctx, r, engine) })
}

func reverts(t *testing.T, db *gorm.DB) {
	install(t, db)
	records, err := history.Of(db, &account{ID: 1}).Find(t.Context())
	must(t, err)
	_, err = history.Revert(t.Context(), db, records[1])
	must(t, err)
	var now account
	must(t, db.First(&now, 1).Error)
	if now.Phone != "1" {
		t.Errorf("after the revert the phone is %q", now.Phone)
	}
}

func erases(t *testing.T, db *gorm.DB) {
	done, err := history.Erase(t.Context(), db, history.EraseOptions{Records: []history.Query{history.Of(db, &account{ID: 1})}})
	must(t, err)
	if done.Records == 0 {
		t.Errorf("nothing was erased: %+v", done)
	}
}

func prunes(t *testing.T, db *gorm.DB) {
	done, err := history.Prune(t.Context(), db, history.PruneOptions{OlderThan: time.Now()})
	must(t, err)
	if done.Deleted == 0 {
		t.Error("nothing was deleted")
	}
}

// within runs until that many have come, and then until it has stopped.
func within(t *testing.T, n int, come <-chan struct{}, run func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- run(ctx) }()
	for range n {
		select {
		case <-come:
		case err := <-ended:
			t.Fatalf("it ended early: %v", err)
		}
	}
	cancel()
	<-ended
}
