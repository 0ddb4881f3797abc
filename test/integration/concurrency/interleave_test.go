package concurrency

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/test/integration/oracle"
	"github.com/gorm-audit/auditplugin/test/integration/summary"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
)

// session is one of the two transactions, with a goroutine that makes its moves.
type session struct {
	tx      *gorm.DB
	results chan string
	pending []move
	busy    bool
	waits   bool // its move was seen to wait for a lock
	over    bool
	told    []string
}

// glance is how often the test looks who waits, and PostgreSQL for deadlocks: a move
// that waits is seen to.
const glance = 20 * time.Millisecond

// deadlock is how MySQL's driver tells of one.
const deadlock = "Error 1213"

func (s *session) next() {
	m := s.pending[0]
	s.pending, s.busy = s.pending[1:], true
	go func() {
		seen, err := m.do(s.tx)
		s.results <- m.name + ": " + seen + " " + told(err)
	}()
}

// told is an error by its code, without the names that differ between databases.
func told(err error) string {
	var state interface{ SQLState() string }
	switch {
	case err == nil:
		return "ok"
	case errors.As(err, &state):
		return state.SQLState()
	}
	text, _, _ := strings.Cut(err.Error(), "for key")
	return text
}

// interleave makes the moves of two transactions in the given order. A move that
// waits for a lock is left waiting until the other transaction lets go of it. It
// returns what each was told, the waiting included.
func interleave(t *testing.T, d *testdb.DB, level sql.IsolationLevel, moves []move, order []int) [2][]string {
	t.Helper()
	var both [2]*session
	for i := range both {
		both[i] = &session{tx: d.WithContext(context.Background()).Begin(&sql.TxOptions{Isolation: level}), results: make(chan string, 1)}
		must(t, both[i].tx.Error)
	}
	end := move{"commit", func(tx *gorm.DB) (string, error) { return "", tx.Commit().Error }}
	for i, who := range order {
		both[who].pending = append(both[who].pending, moves[i])
		settle(t, d, both)
	}
	for _, s := range both {
		s.pending = append(s.pending, end)
		settle(t, d, both)
	}
	// A server says for a moment that somebody waits whom it has woken up already.
	for deadline := time.Now().Add(time.Minute); both[0].busy || both[1].busy; settle(t, d, both) {
		if time.Now().After(deadline) {
			t.Fatalf("the transactions do not end: %q %q", both[0].told, both[1].told)
		}
	}
	return [2][]string{both[0].told, both[1].told}
}

// settle makes pending moves until each session has none left or waits for a lock.
func settle(t *testing.T, d *testdb.DB, both [2]*session) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); ; {
		busy := 0
		for _, s := range both {
			if s.over {
				s.pending = nil
			}
			if !s.busy && len(s.pending) > 0 {
				s.next()
			}
			if s.busy {
				busy++
			}
		}
		if busy == 0 {
			return
		}
		var s *session
		var result string
		select {
		case result = <-both[0].results:
			s = both[0]
		case result = <-both[1].results:
			s = both[1]
		case <-time.After(glance):
			if busy == 1 && waiting(t, d) == 1 {
				for _, s := range both {
					if s.busy && !s.waits {
						s.waits = true
						s.told = append(s.told, "waits")
					}
				}
				return // until the other one moves
			}
			if time.Now().After(deadline) {
				t.Fatalf("neither done nor waiting: %q %q", both[0].told, both[1].told)
			}
			continue
		}
		s.busy, s.waits = false, false
		s.told = append(s.told, result)
		if strings.Contains(result, deadlock) {
			// The server has ended the transaction: no application goes on in it.
			must(t, s.tx.Rollback().Error)
			s.pending, s.over = nil, true
		}
	}
}

// waiting counts the sessions of d that wait for a lock.
func waiting(t *testing.T, d *testdb.DB) (n int) {
	t.Helper()
	if d.Target.Dialect == testdb.Postgres {
		must(t, d.Raw.QueryRow(`SELECT count(*) FROM pg_stat_activity
			WHERE wait_event_type = 'Lock' AND application_name = current_setting('application_name')`).Scan(&n))
		return n
	}
	// Not information_schema.innodb_trx, which may be older than the wait.
	var kind, name, status string
	must(t, d.Raw.QueryRow("SHOW ENGINE INNODB STATUS").Scan(&kind, &name, &status))
	rows, err := d.Raw.Query("SELECT id FROM information_schema.processlist WHERE db = DATABASE()")
	must(t, err)
	defer rows.Close()
	own := map[string]bool{}
	for rows.Next() {
		var id string
		must(t, rows.Scan(&id))
		own[id] = true
	}
	must(t, rows.Err())
	for _, tx := range strings.Split(status, "---TRANSACTION")[1:] {
		_, after, found := strings.Cut(tx, " thread id ")
		id, _, _ := strings.Cut(after, ",")
		if found && own[id] && strings.Contains(tx, "\nLOCK WAIT ") {
			n++
		}
	}
	return n
}

// TestInterleavings: two transactions take turns, move by move, on the same rows. At
// every isolation level each move sees the same, waits for the same, and fails in
// the same way as without the plugin; and the trail is what the triggers saw.
func TestInterleavings(t *testing.T) {
	levels := []sql.IsolationLevel{sql.LevelReadCommitted, sql.LevelRepeatableRead, sql.LevelSerializable}
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		if g.Dialect == testdb.SQLite {
			return // one writer at a time: see TestShareOfFailures
		}
		audited, plain := impatient(t, g, glance), impatient(t, g, glance, testdb.WithoutPlugin())
		must(t, migrate(audited.DB))
		must(t, migrate(plain.DB))
		judge := oracle.Watch(t, audited.Raw, g.Dialect, tables)
		count, deadlocks := int64(0), int64(0)
		for _, level := range levels {
			for seed := range uint64(rounds(8, 40)) {
				r := rand.New(rand.NewPCG(seed, uint64(level)))
				var moves []move
				var order []int
				for range 4 + r.IntN(6) {
					m := drawMove(r)
					for level == sql.LevelReadCommitted && g.Dialect == testdb.MySQL && strings.HasPrefix(m.name, "update accounts from") {
						m = drawMove(r) // docs/databases.md, and TestReadCommittedWaits
					}
					moves, order = append(moves, m), append(order, r.IntN(2))
				}
				var results [2][2][]string
				var stored [2]string
				for i, d := range []*testdb.DB{plain, audited} {
					seedRows(t, d)
					if i == 1 {
						judge.Reset(t)
						d.Announced.Reset()
					}
					results[i] = interleave(t, d, level, moves, order)
					stored[i] = everything(t, d)
				}
				if v := victims(results[0]); v > 0 && v == victims(results[1]) {
					// InnoDB ends the one that has locked and written less, PostgreSQL the
					// one that looks first: not the same one each time.
					deadlocks++
					judge.Check(t, audited.Announced.Batches())
					continue
				}
				if fmt.Sprint(results[0]) != fmt.Sprint(results[1]) {
					t.Errorf("%s, seed %d, order %v: the transactions were told\n  %q\n  %q\nwithout the plugin\n  %q\n  %q",
						level, seed, order, results[1][0], results[1][1], results[0][0], results[0][1])
				}
				if stored[0] != stored[1] {
					t.Errorf("%s, seed %d: stored is\n  %s\nwithout the plugin\n  %s", level, seed, stored[1], stored[0])
				}
				judge.Check(t, audited.Announced.Batches())
				if t.Failed() {
					return
				}
				count++
			}
		}
		t.Logf("%d interleavings the same, %d deadlocked with and without the plugin", count, deadlocks)
		summary.Add(t, g.Dialect, summary.Counts{"interleavings, the same": count, "interleavings, a deadlock in both": deadlocks})
	})
}

// TestReadCommittedWaits shows a limit: at READ COMMITTED, MySQL's UPDATE passes over
// rows that another transaction has locked and that do not match as they were
// committed last. The locking read of the before images waits for them.
func TestReadCommittedWaits(t *testing.T) {
	testdb.Only(t, testdb.MySQL, func(t *testing.T, g testdb.Target) {
		moves := []move{
			{"update", func(tx *gorm.DB) (string, error) {
				return "", tx.Model(&account{ID: 1}).Update("entries", 5).Error
			}},
			{"update others", func(tx *gorm.DB) (string, error) {
				return "", tx.Model(&account{}).Where("balance >= ?", 64).Update("name", "n").Error
			}},
		}
		for name, options := range map[string][]testdb.Option{"plain": {testdb.WithoutPlugin()}, "audited": nil} {
			d := impatient(t, g, glance, options...)
			must(t, migrate(d.DB))
			seedRows(t, d)
			told := interleave(t, d, sql.LevelReadCommitted, moves, []int{0, 1})
			if waits := slices.Contains(told[1], "waits"); waits != (name == "audited") {
				t.Errorf("%s: the second transaction was told %q", name, told[1])
			}
		}
	})
}

// victims counts the transactions that a deadlock ended.
func victims(results [2][]string) (n int) {
	for _, told := range results {
		if slices.ContainsFunc(told, func(s string) bool { return strings.Contains(s, deadlock) || strings.HasSuffix(s, "40P01") }) {
			n++
		}
	}
	return n
}

// seedRows puts the rows in place that the moves are about.
func seedRows(t *testing.T, d *testdb.DB) {
	t.Helper()
	lines := d.Statement.Quote("lines")
	for _, query := range []string{
		// Deleted rows that InnoDB has not purged yet would be locked, now and then.
		"TRUNCATE TABLE counters",
		"DELETE FROM " + lines, "DELETE FROM accounts",
		"INSERT INTO accounts (id, name, balance, entries) VALUES (1, 'a', 10, 0), (2, 'a', 50, 0), (3, 'a', 90, 0)",
		"INSERT INTO counters (name, hits) VALUES ('c0', 1)",
	} {
		_, err := d.Raw.Exec(query)
		must(t, err)
	}
}

// everything is what the tables hold.
func everything(t *testing.T, d *testdb.DB) string {
	t.Helper()
	var all []string
	for _, query := range []string{
		"SELECT concat(id, ' ', name, ' ', balance, ' ', entries) FROM accounts ORDER BY id",
		"SELECT concat(name, ' ', hits) FROM counters ORDER BY name",
		"SELECT concat(account_id, ' ', text) FROM " + d.Statement.Quote("lines") + " ORDER BY account_id",
	} {
		rows, err := d.Raw.Query(query)
		must(t, err)
		for rows.Next() {
			var s string
			must(t, rows.Scan(&s))
			all = append(all, s)
		}
		must(t, rows.Err())
		must(t, rows.Close())
	}
	return strings.Join(all, "; ")
}
