package concurrency

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gorm-audit/auditplugin/test/integration/summary"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
)

// workload is something that makes transactions fail, deadlock or time out by
// itself.
type workload struct {
	name   string
	level  sql.IsolationLevel
	except string // a dialect that it is not for
	// cycles says that two of them can wait for each other: that none does without the
	// plugin is then chance.
	cycles bool
	run    func(tx *gorm.DB, r *rand.Rand, worker, round int) error
}

const (
	parents = 6
	total   = parents * 1000 // the sum of all balances
)

func bump(tx *gorm.DB, id uint) error {
	return tx.Model(&account{ID: id}).Update("entries", gorm.Expr("entries + 1")).Error
}

// transfer moves money between two accounts, reading before it writes, and demands
// that what it reads adds up.
func transfer(tx *gorm.DB, r *rand.Rand, _, _ int) error {
	var sum int64
	if err := tx.Model(&account{}).Select("sum(balance)").Scan(&sum).Error; err != nil {
		return err
	}
	if sum != total {
		return fmt.Errorf("the balances add up to %d", sum)
	}
	from, to := anAccount(r), anAccount(r)
	if from == to {
		to = from%parents + 1
	}
	for id, amount := range map[uint]int{from: -1, to: 1} {
		if err := tx.Model(&account{ID: id}).Update("balance", gorm.Expr("balance + ?", amount)).Error; err != nil {
			return err
		}
	}
	return nil
}

var workloads = []workload{
	{name: "overlapping updates in random order", cycles: true, run: func(tx *gorm.DB, r *rand.Rand, _, _ int) error {
		for _, i := range r.Perm(parents)[:3] {
			if err := bump(tx, uint(i+1)); err != nil {
				return err
			}
		}
		return nil
	}},
	{name: "overlapping updates in one order", run: func(tx *gorm.DB, r *rand.Rand, _, _ int) error {
		ids := r.Perm(parents)[:3]
		slices.Sort(ids)
		for _, i := range ids {
			if err := bump(tx, uint(i+1)); err != nil {
				return err
			}
		}
		return nil
	}},
	{name: "upsert storm", run: func(tx *gorm.DB, r *rand.Rand, _, n int) error {
		return tx.Clauses(clause.OnConflict{
			Columns: []clause.Column{{Name: "name"}}, DoUpdates: clause.Assignments(map[string]any{"hits": gorm.Expr("counters.hits + 1")}),
		}).Create(&counter{Name: fmt.Sprintf("k%04d", n/2), Hits: 1}).Error // neighbours meet on fresh keys
	}},
	{name: "upserts of two rows", cycles: true, run: func(tx *gorm.DB, r *rand.Rand, _, _ int) error {
		p := r.Perm(8)
		rows := []counter{{Name: fmt.Sprint("c", p[0])}, {Name: fmt.Sprint("c", p[1])}}
		return tx.Clauses(clause.OnConflict{UpdateAll: true}).Create(&rows).Error
	}},
	{name: "children and their parent's counter", run: func(tx *gorm.DB, r *rand.Rand, _, _ int) error {
		id := anAccount(r)
		if err := tx.Create(&line{AccountID: id, Text: "child"}).Error; err != nil {
			return err
		}
		return bump(tx, id)
	}},
	{name: "children removed", run: func(tx *gorm.DB, r *rand.Rand, _, _ int) error {
		id := anAccount(r)
		if err := tx.Create(&line{AccountID: id, Text: "child"}).Error; err != nil {
			return err
		}
		if err := bump(tx, id); err != nil {
			return err
		}
		return tx.Where("account_id = ?", id).Delete(&line{}).Error
	}},
	{name: "transfers", run: func(tx *gorm.DB, r *rand.Rand, w, n int) error {
		if tx.Name() == testdb.SQLite {
			// A transaction that reads first fails there by itself nearly always.
			return bump(tx, anAccount(r))
		}
		return transfer(tx, r, w, n)
	}},
	{name: "transfers, repeatable read", level: sql.LevelRepeatableRead, except: testdb.SQLite, run: transfer},
	{name: "transfers, serializable", level: sql.LevelSerializable, except: testdb.SQLite, run: transfer},
}

// run is one way of doing a workload, and what came of it.
type run struct {
	name   string
	d      *testdb.DB
	after  func(tx *gorm.DB) error
	failed int
	how    map[string]int
}

// entry is a trail as an application would write it by hand, with the indexes that
// one needs: the least that a trail in the same transaction can cost.
type entry struct {
	ID       int64
	RecordID string `gorm:"size:40;index"`
	Actor    string `gorm:"size:40;index"`
	At       int64  `gorm:"index"`
	Before   string `gorm:"size:200"`
	After    string `gorm:"size:200"`
}

func byHand(tx *gorm.DB) error {
	rows := []entry{{RecordID: "1", Actor: "7", Before: `{"balance":1}`, After: `{"balance":2}`}, {RecordID: "2", Actor: "7"}}
	return tx.Create(&rows).Error
}

// TestShareOfFailures: work of which no transaction fails without the plugin, nor has a
// way to, has none that fails with it. Where transactions collide by themselves, those that last
// longer collide more often, with any trail: there the share is measured beside
// that of a trail by hand, and bounded. What the transactions read adds up all the
// same, and what they count is what succeeded.
func TestShareOfFailures(t *testing.T) {
	for _, w := range workloads {
		t.Run(w.name, func(t *testing.T) {
			testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
				if g.Dialect == w.except {
					return
				}
				n := rounds(10, 40)
				runs := []*run{
					{name: "plain", d: impatient(t, g, soon, testdb.WithoutPlugin()), after: func(*gorm.DB) error { return nil }},
					{name: "by hand", d: impatient(t, g, soon, testdb.WithoutPlugin()), after: byHand},
					{name: "audited", d: impatient(t, g, soon), after: func(*gorm.DB) error { return nil }},
				}
				for _, r := range runs {
					must(t, migrate(r.d.DB))
					must(t, r.d.AutoMigrate(&entry{}))
				}
				turns := rounds(2, 4) // taken one after the other, so that the machine's other work falls on all
				for turn := range turns {
					for _, run := range runs {
						prepare(t, run.d)
						failed, how := parallel(n, uint64(turn), func(r *rand.Rand, worker, round int) error {
							return run.d.WithContext(context.Background()).Transaction(func(tx *gorm.DB) error {
								if err := w.run(tx, r, worker, round); err != nil {
									return err
								}
								return run.after(tx)
							}, &sql.TxOptions{Isolation: w.level})
						})
						run.failed, run.how = run.failed+failed, how
						check(t, run.d, w.name, workers*n-failed)
					}
				}
				all := turns * workers * n
				plain, hand, audited := runs[0], runs[1], runs[2]
				if !w.cycles && plain.failed == 0 && hand.failed == 0 && audited.failed > 0 {
					t.Errorf("%d of %d transactions failed, none without the plugin:\n%v", audited.failed, all, audited.how)
				}
				if most := allowed(max(plain.failed, hand.failed), all); audited.failed > most {
					t.Errorf("%d of %d transactions failed, want %d at most:\n%v\n%v\n%v", audited.failed, all, most, audited.how, hand.how, plain.how)
				}
				t.Logf("%s of %d: plain %d, with a trail by hand %d, audited %d", g, all, plain.failed, hand.failed, audited.failed)
				summary.Add(t, g.Dialect, summary.Counts{
					summary.ParallelWrites: int64(all), "failed transactions, plain": int64(plain.failed),
					"failed transactions, trail by hand": int64(hand.failed), "failed transactions, audited": int64(audited.failed),
				})
			})
		})
	}
}

// soon is when PostgreSQL looks for deadlocks where transactions collide all the time.
const soon = 5 * time.Millisecond

// impatient opens a fresh database on which PostgreSQL looks for deadlocks after that
// time instead of a second, or the test would take minutes.
func impatient(t *testing.T, g testdb.Target, deadlocks time.Duration, options ...testdb.Option) *testdb.DB {
	t.Helper()
	options = append(options, testdb.WithMaxOpen(workers))
	if g.Dialect == testdb.Postgres {
		fresh := g.Open(t, testdb.WithoutPlugin())
		options = append(options, testdb.In(fresh.DSN+"&deadlock_timeout="+deadlocks.String()))
	}
	return g.Open(t, options...)
}

// factor is how many times the share of the other runs may be reached.
const factor = 2.5

// allowed is how many of n transactions may fail when that many failed in another
// run: factor times as many, and what may be chance: four standard deviations of
// the difference between two samples of the same share, and one in a hundred, or four.
func allowed(failed, n int) int {
	p := float64(failed) / float64(n)
	return int(factor*float64(failed)+4*math.Sqrt(2*float64(n)*p*(1-p))) + max(4, n/100)
}

// prepare puts the rows of a workload in place.
func prepare(t *testing.T, d *testdb.DB) {
	t.Helper()
	for _, query := range []string{"DELETE FROM " + d.Statement.Quote("lines"), "DELETE FROM counters", "DELETE FROM accounts"} {
		_, err := d.Raw.Exec(query)
		must(t, err)
	}
	for id := range parents {
		_, err := d.Raw.Exec(fmt.Sprintf("INSERT INTO accounts (id, name, balance, entries) VALUES (%d, 'a', %d, 0)", id+1, total/parents))
		must(t, err)
	}
}

// check compares what the workload counted with what succeeded.
func check(t *testing.T, d *testdb.DB, name string, succeeded int) {
	t.Helper()
	for _, c := range []struct {
		of    []string
		query string
		want  int
	}{
		{[]string{"overlapping updates in random order", "overlapping updates in one order"}, "SELECT sum(entries) FROM accounts", 3 * succeeded},
		{[]string{"upsert storm"}, "SELECT sum(hits) FROM counters", succeeded},
		{[]string{"children and their parent's counter"}, "SELECT count(*) FROM " + d.Statement.Quote("lines"), succeeded},
		{[]string{"children and their parent's counter", "children removed"}, "SELECT sum(entries) FROM accounts", succeeded},
		{[]string{"transfers", "transfers, repeatable read", "transfers, serializable"}, "SELECT sum(balance) FROM accounts", total},
	} {
		if !slices.Contains(c.of, name) {
			continue
		}
		var got int
		must(t, d.Raw.QueryRow(c.query).Scan(&got))
		if got != c.want {
			t.Errorf("%s is %d after %d transactions, want %d (plugin: %t)", c.query, got, succeeded, c.want, d.Plugin != nil)
		}
	}
}
