package crash

import (
	"context"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/test/integration/oracle"
	"github.com/gorm-audit/auditplugin/test/integration/summary"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
)

// fullEnv asks for as many restarts as the published numbers have.
const fullEnv = "AUDIT_PROOF_FULL"

// TestServerRestarts: the server dies without warning while many write, several
// times. Rows and records agree afterwards; what was announced was committed; and
// only transactions whose outcome the application was not told are missing there.
func TestServerRestarts(t *testing.T) {
	for _, dialect := range []string{testdb.Postgres, testdb.MySQL} {
		t.Run(dialect, func(t *testing.T) {
			t.Parallel()
			s := startServer(t, dialect)
			restarts := 3
			if os.Getenv(fullEnv) != "" {
				restarts = 20
			}
			g := testdb.Target{Dialect: dialect}
			var h *heard
			d := g.Open(t, testdb.In(s.dsn), testdb.Before(migrate),
				testdb.WithPlugin(auditplugin.WithBufferLimit(bufferLimit), auditplugin.WithErrorHandler(func(_ context.Context, err error) { h.report(err) })),
				testdb.WithGORM(func(c *gorm.Config) { c.PrepareStmt = true }), testdb.WithMaxOpen(workers))
			d.Raw.SetMaxIdleConns(-1) // the judge's own connections do not outlive the server
			judge := oracle.Watch(t, d.Raw, dialect, tables, unseen(dialect)...)
			counts := summary.Counts{summary.Mismatches: 0}
			seed := uint64(time.Now().UnixNano())
			t.Logf("seed %d", seed)
			r := rand.New(rand.NewPCG(seed, 1))
			for n := range restarts {
				h = &heard{outcomes: map[string]error{}}
				ctx, stop := context.WithCancel(context.Background())
				over := make(chan struct{})
				go func() {
					defer close(over)
					(&load{db: d.DB, name: "restart", seed: seed + uint64(n), done: h.note}).run(ctx)
				}()
				h.await(t, 3*workers)
				time.Sleep(time.Duration(50+r.IntN(300)) * time.Millisecond)
				s.kill()
				time.Sleep(time.Duration(r.IntN(100)) * time.Millisecond) // errors all over
				s.start()
				before := h.successes()
				h.await(t, before+3*workers) // the application goes on by itself
				stop()
				<-over
				trail := judge.Check(t, nil)
				h.settle(trail, d.Announced)
				unknown, lost := h.check(t, dialect, trail, d.Announced)
				if t.Failed() {
					t.Fatalf("after restart %d", n)
				}
				counts[summary.RestartsSurvived]++
				counts[summary.Records] += int64(len(trail))
				counts["committed, but the reply was lost"] += int64(unknown)
				if dialect == testdb.MySQL {
					counts["out of sight, announced and lost with the server"] += int64(lost)
				}
				judge.Reset(t)
				d.Announced.Reset()
			}
			summary.Add(t, dialect, counts)
			t.Log(counts)
		})
	}
}

// settle waits until what was written on connections of the application's own is
// announced, or reported: the plugin asks the table a few times.
func (h *heard) settle(trail []oracle.Entry, announced *testdb.Announced) {
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		told := map[string]bool{}
		for _, r := range announced.Records() {
			told[r.ID] = true
		}
		h.mu.Lock()
		reports := h.reports.String()
		h.mu.Unlock()
		if !slices.ContainsFunc(trail, func(e oracle.Entry) bool {
			return strings.HasPrefix(e.Reason, "connection ") && h.outcomes[e.Reason] == nil && !told[e.ID] && !strings.Contains(reports, e.TransactionID)
		}) {
			return
		}
	}
}

// heard is what the application was told of its operations.
type heard struct {
	mu       sync.Mutex
	outcomes map[string]error
	ok       int
	// reports is what the plugin's error handler was told.
	reports strings.Builder
}

func (h *heard) report(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.reports.WriteString(err.Error() + "\n")
}

func (h *heard) note(op string, err error) {
	h.mu.Lock()
	h.outcomes[op] = err
	if err == nil {
		h.ok++
	}
	h.mu.Unlock()
	if err != nil && !isOnly(err, errBack) {
		time.Sleep(time.Millisecond) // do not fail as fast as the machine allows
	}
}

func (h *heard) successes() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.ok
}

// await waits until so many operations have succeeded.
func (h *heard) await(t *testing.T, successes int) {
	t.Helper()
	for deadline := time.Now().Add(patience); h.successes() < successes; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			h.mu.Lock()
			defer h.mu.Unlock()
			said := map[string]int{}
			for _, err := range h.outcomes {
				if err != nil {
					said[err.Error()]++
				}
			}
			t.Fatalf("the application does not get on: %v", said)
		}
	}
}

// check compares the trail with what was announced and with what the application
// was told. It returns how many operations it was told nothing of, or an error,
// although (a part of) them was committed, and of how many it is the other way round.
func (h *heard) check(t *testing.T, dialect string, trail []oracle.Entry, announced *testdb.Announced) (unannounced, taken int) {
	t.Helper()
	told := map[string]bool{}
	for _, r := range announced.Records() {
		if told[r.ID] {
			t.Errorf("announced twice: %s %s %s", r.Action, r.Table, r.RecordID)
		}
		told[r.ID] = true
	}
	stored := map[string]bool{}
	unknown := map[string]bool{}
	for _, e := range trail {
		stored[e.ID] = true
		if told[e.ID] {
			continue
		}
		err, known := h.outcomes[e.Reason]
		if !known {
			t.Errorf("a record of an operation that nobody asked for: %q", e.Reason)
		}
		// What is written on the application's own connection is announced once the
		// table was asked, and what is more than the buffer holds is read back from it; the
		// server's death in between is reported instead.
		late := strings.Contains(h.reports.String(), e.TransactionID)
		if err == nil && !late {
			t.Errorf("%s succeeded, but %s %s %s was not announced", e.Reason, e.Action, e.Table, e.RecordID)
		}
		unknown[e.Reason] = true
	}
	lost := map[string]bool{}
	for _, r := range announced.Records() {
		if stored[r.ID] {
			continue
		}
		// A transaction out of sight is announced once the table shows its records, and
		// InnoDB shows them to others a moment before they are on disk: a server that dies
		// in that moment takes them back (docs/limits.md). The application hears of an error.
		if err := h.outcomes[r.Reason]; dialect == testdb.MySQL && strings.HasPrefix(r.Reason, "connection ") && err != nil {
			lost[r.Reason] = true
		} else {
			t.Errorf("announced, but not in the table: %s %s %s, seq %d, of %q in %s, which was told %v",
				r.Action, r.Table, r.RecordID, r.Seq, r.Reason, r.TransactionID, err)
		}
	}
	for op := range unknown {
		if h.outcomes[op] != nil && isOnly(h.outcomes[op], errBack) {
			t.Errorf("%s was rolled back, but records of it were kept", op)
		}
	}
	return len(unknown), len(lost)
}
