package relay

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	driver "github.com/go-sql-driver/mysql"
	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/relay"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
)

// The first transaction gets the smaller number and commits last.
func TestLateCommitIsNotSkipped(t *testing.T) {
	servers(t, func(t *testing.T, g testdb.Target) {
		db := open(t, g, 3)
		r, s := newRelay(t, db.DB), &sink{}
		must(t, r.Subscribe("a", s, relay.FromNow()))
		run(t, r)
		first := db.Begin()
		write(t, first, 1, "first")
		second := db.Begin()
		write(t, second, 2, "second")
		must(t, second.Commit().Error)
		eventually(t, "the second", func() bool { return slices.Equal(s.ids(), []string{"update 2"}) })

		// Others come and go, which must not make the gap look settled.
		for i := range 20 {
			must(t, db.Model(&account{ID: 3}).Update("phone", strconv.Itoa(i)).Error)
		}
		time.Sleep(2500 * time.Millisecond) // longer than any rhythm of the settler
		eventually(t, "others", func() bool { return len(s.ids()) == 21 })
		if missing := stats(t, r, "a").Missing; missing != 1 {
			t.Errorf("%d gaps while a transaction is open, want 1", missing)
		}
		must(t, first.Commit().Error)
		eventually(t, "the first", func() bool { return slices.Contains(s.ids(), "update 1") })
		eventually(t, "no gap", func() bool { return stats(t, r, "a").Missing == 0 })
	})
}

// A number that a rolled-back transaction took is given up, also under a stream of
// overlapping transactions, and also by a relay that starts later.
func TestRollbackIsSettled(t *testing.T) {
	servers(t, func(t *testing.T, g testdb.Target) {
		db := open(t, g, 3)
		r, s := newRelay(t, db.DB), &sink{}
		must(t, r.Subscribe("a", s))
		stop := run(t, r)
		first := db.Begin()
		write(t, first, 1, "first")
		must(t, db.Model(&account{ID: 2}).Update("phone", "2").Error)
		eventually(t, "the second", func() bool { return slices.Contains(s.ids(), "update 2") })
		stop()
		must(t, first.Rollback().Error)

		// From here on a transaction is open at every moment.
		ctx, cancel := context.WithCancel(context.Background())
		overlapping := make(chan error, 1)
		go func() { overlapping <- overlap(ctx, db.DB) }()
		r = newRelay(t, db.DB)
		must(t, r.Subscribe("a", s))
		run(t, r)
		begun := time.Now()
		eventually(t, "the gap to be given up", func() bool { return !strings.Contains(gaps(t, db), "[4,") })
		t.Logf("settled after %v", time.Since(begun))
		cancel()
		must(t, <-overlapping)
		eventually(t, "all", func() bool { st := stats(t, r, "a"); return st.Missing == 0 && st.Lag == 0 })
	})
}

// gaps returns what is saved of the gaps; the first account's update is number 4.
func gaps(t *testing.T, db *testdb.DB) string {
	t.Helper()
	var gaps string
	must(t, db.Raw.QueryRow("SELECT gaps FROM audit_relay_positions").Scan(&gaps))
	return gaps
}

// overlap keeps at least one transaction open until ctx ends.
func overlap(ctx context.Context, db *gorm.DB) error {
	open := db.Begin()
	for ctx.Err() == nil {
		if err := open.Create(&account{Owner: "overlap"}).Error; err != nil {
			return err
		}
		var n int64
		if err := open.Table("audit_logs").Count(&n).Error; err != nil {
			return err
		}
		next := db.Begin()
		if err := errors.Join(next.Create(&account{Owner: "next"}).Error, open.Commit().Error); err != nil {
			return err
		}
		open = next
		time.Sleep(5 * time.Millisecond)
	}
	return open.Rollback().Error
}

// "From now on" includes transactions that are under way.
func TestFromNowSeesTransactionsUnderWay(t *testing.T) {
	servers(t, func(t *testing.T, g testdb.Target) {
		db := open(t, g, 3)
		first := db.Begin()
		write(t, first, 1, "first")
		must(t, db.Model(&account{ID: 2}).Update("phone", "before").Error)
		r, s := newRelay(t, db.DB), &sink{}
		must(t, r.Subscribe("a", s, relay.FromNow()))
		must(t, first.Commit().Error)
		must(t, db.Model(&account{ID: 3}).Update("phone", "after").Error)
		run(t, r)
		eventually(t, "both", func() bool { return slices.Equal(s.ids(), []string{"update 1", "update 3"}) })
	})
}

// The record of a row never overtakes an earlier one of the same row, even if that
// one lies in a gap and the reads are small.
func TestOrderAcrossAGap(t *testing.T) {
	servers(t, func(t *testing.T, g testdb.Target) {
		db := open(t, g, 9)
		r, s := newRelay(t, db.DB), &sink{}
		must(t, r.Subscribe("a", s, relay.FromNow(), relay.Batch(2)))
		run(t, r)
		first := db.Begin()
		write(t, first, 1, "first")
		for id := uint(2); id < 9; id++ {
			must(t, db.Model(&account{ID: id}).Update("phone", "x").Error)
		}
		eventually(t, "the others", func() bool { return len(s.ids()) == 7 })
		must(t, first.Commit().Error)
		must(t, db.Model(&account{ID: 1}).Update("phone", "second").Error)
		eventually(t, "all", func() bool { return len(s.ids()) == 9 })
		var phones []string
		for _, rec := range s.records() {
			if rec.RecordID == "1" {
				phones = append(phones, fmt.Sprint(rec.After["phone"]))
			}
		}
		if !slices.Equal(phones, []string{"first", "second"}) {
			t.Errorf("the row's changes came as %q", phones)
		}
	})
}

// Deleted records leave gaps that are given up, however many.
func TestPrunedTable(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		db := open(t, g, 300)
		_, err := db.Raw.Exec("DELETE FROM audit_logs WHERE seq % 3 = 0 OR seq < 50")
		must(t, err)
		r, s := newRelay(t, db.DB), &sink{}
		must(t, r.Subscribe("a", s, relay.Batch(20)))
		run(t, r)
		var want int
		must(t, db.Raw.QueryRow("SELECT COUNT(*) FROM audit_logs").Scan(&want))
		eventually(t, "all that is left", func() bool { return len(s.ids()) == want })
		eventually(t, "no gap", func() bool { return stats(t, r, "a").Missing == 0 })
	})
}

// A role that may not list transactions keeps gaps for the time that was set, across
// restarts.
func TestMariaDBWithoutProcess(t *testing.T) {
	testdb.Only(t, testdb.MySQL, func(t *testing.T, g testdb.Target) {
		db := open(t, g, 2)
		limited := g.Open(t, testdb.In(withoutProcess(t, db)), testdb.WithoutPlugin())
		sub := func() (*relay.Relay, *sink) {
			r, s := newRelay(t, limited.DB, relay.ForgetGapsAfter(2*time.Second)), &sink{}
			must(t, r.Subscribe("a", s))
			return r, s
		}
		r, s := sub()
		stop := run(t, r)
		first := db.Begin()
		write(t, first, 1, "first")
		must(t, db.Model(&account{ID: 2}).Update("phone", "2").Error)
		eventually(t, "the second", func() bool { return slices.Contains(s.ids(), "update 2") })
		must(t, first.Rollback().Error)
		time.Sleep(300 * time.Millisecond)
		if stats(t, r, "a").Missing != 1 {
			t.Error("the gap was given up though nothing tells that the transaction is over")
		}
		stop()
		time.Sleep(1700 * time.Millisecond)
		r, _ = sub()
		run(t, r)
		begun := time.Now()
		eventually(t, "the gap to be given up", func() bool { return stats(t, r, "a").Missing == 0 })
		if took := time.Since(begun); took > 1500*time.Millisecond {
			t.Errorf("a restart started the time anew: %v", took)
		}
	})
}

func TestPostgresSequenceCacheIsRefused(t *testing.T) {
	testdb.Only(t, testdb.Postgres, func(t *testing.T, g testdb.Target) {
		db := open(t, g, 1)
		_, err := db.Raw.Exec("ALTER TABLE audit_logs ALTER COLUMN seq SET CACHE 20")
		must(t, err)
		if _, err := relay.New(db.DB); !errors.Is(err, relay.ErrUnsupported) {
			t.Fatalf("a sequence with a cache: %v", err)
		}
	})
}

// withoutProcess makes a user with rights on the database only.
func withoutProcess(t *testing.T, db *testdb.DB) string {
	t.Helper()
	config, err := driver.ParseDSN(db.DSN)
	must(t, err)
	user := "r" + config.DBName[len(config.DBName)-20:]
	for _, statement := range []string{
		"CREATE USER " + user + "@'%' IDENTIFIED BY 'relay'",
		"GRANT ALL ON " + config.DBName + ".* TO " + user + "@'%'",
	} {
		_, err := db.Raw.Exec(statement)
		must(t, err)
	}
	t.Cleanup(func() { _, _ = db.Raw.Exec("DROP USER " + user + "@'%'") })
	config.User, config.Passwd = user, "relay"
	return config.FormatDSN()
}
