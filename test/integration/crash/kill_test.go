package crash

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"math/rand/v2"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gorm-audit/auditplugin/test/integration/oracle"
	"github.com/gorm-audit/auditplugin/test/integration/summary"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
)

// killsEnv says how many processes to kill on each database.
const killsEnv = "AUDIT_PROOF_KILLS"

func kills(t *testing.T) int {
	t.Helper()
	text := os.Getenv(killsEnv)
	if text == "" {
		return 5
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("%s is %q", killsEnv, text)
	}
	return n
}

// patience bounds every wait for something that takes a moment.
const patience = time.Minute

// TestKilled: a process that writes is killed with SIGKILL at random moments. What
// the database holds afterwards has exactly its records, and nothing was announced
// that did not happen.
func TestKilled(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		d := g.Open(t, testdb.Before(migrate))
		pool, err := d.DB.DB()
		if err != nil {
			t.Fatal(err)
		}
		pool.SetMaxIdleConns(-1) // sessions of the children are to be told from ours
		d.Raw.SetMaxOpenConns(1)
		judge := oracle.Watch(t, d.Raw, g.Dialect, tables, unseen(g.Dialect)...)
		counts := summary.Counts{summary.Mismatches: 0}
		seed := uint64(time.Now().UnixNano())
		t.Logf("seed %d", seed)
		r := rand.New(rand.NewPCG(seed, 0))
		for n := range kills(t) {
			o := order{
				Dialect: g.Dialect, DSN: childDSN(t, d), Prepare: n%2 == 1,
				// Not on PostgreSQL: with others writing, the portable path refuses what it
				// cannot tell there (docs/limits.md).
				Portable: n%3 == 1 && g.Dialect != testdb.Postgres,
				Lines:    filepath.Join(t.TempDir(), "lines"), Seed: seed + uint64(n),
			}
			life(t, o, time.Duration(10+r.IntN(240))*time.Millisecond)
			awaitRollback(t, d)
			trail := judge.Check(t, nil)
			unannounced := checkLines(t, o.Lines, trail)
			if len(trail) == 0 {
				t.Errorf("kill %d: nothing was written before it", n)
			}
			if t.Failed() {
				t.Fatalf("after kill %d of %+v", n, o)
			}
			counts[summary.KillsSurvived]++
			counts[summary.Records] += int64(len(trail))
			counts["killed between COMMIT and its announcement"] += int64(unannounced)
			judge.Reset(t)
		}
		summary.Add(t, g.Dialect, counts)
		t.Log(counts)
	})
}

// unseen tells the oracle what MariaDB's triggers do not see: cascades.
func unseen(dialect string) []oracle.Option {
	if dialect == testdb.MySQL {
		return []oracle.Option{oracle.Snapshot("entries")}
	}
	return nil
}

const childName = "audit_crash_child"

// childDSN names the child's sessions on PostgreSQL.
func childDSN(t *testing.T, d *testdb.DB) string {
	t.Helper()
	if d.Target.Dialect != testdb.Postgres {
		return d.DSN
	}
	dsn, err := url.Parse(d.DSN)
	if err != nil {
		t.Fatal(err)
	}
	query := dsn.Query()
	query.Set("application_name", childName+query.Get("application_name")[:20])
	dsn.RawQuery = query.Encode()
	return dsn.String()
}

// life starts a child, lets it write for a while, and kills it.
func life(t *testing.T, o order, length time.Duration) {
	t.Helper()
	if err := os.WriteFile(o.Lines, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	child := exec.Command(self)
	child.Env = append(os.Environ(), childEnv+"="+string(text))
	var complaints bytes.Buffer
	child.Stderr = &complaints
	if _, err := child.StdinPipe(); err != nil { // held open while the parent lives
		t.Fatal(err)
	}
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	late := time.AfterFunc(patience, func() { _ = child.Process.Kill() })
	first, err := bufio.NewReader(out).ReadString('\n')
	late.Stop()
	if err == nil {
		time.Sleep(length)
	}
	_ = child.Process.Kill()        // SIGKILL; it may have ended by itself, which the next lines tell
	_, _ = io.Copy(io.Discard, out) // until the end, as Wait demands
	_ = child.Wait()                // "signal: killed"
	if err != nil || strings.TrimSpace(first) != "writing" {
		t.Fatalf("the child did not write: %q, %v\n%s", first, err, complaints.String())
	}
	if complaints.Len() > 0 {
		t.Errorf("the child complains:\n%s", complaints.String())
	}
	if child.ProcessState.ExitCode() != -1 {
		t.Fatalf("the child was not killed: %v", child.ProcessState)
	}
}

// awaitRollback waits until the server has done away with the sessions of the dead.
func awaitRollback(t *testing.T, d *testdb.DB) {
	t.Helper()
	var query string
	switch d.Target.Dialect {
	case testdb.Postgres:
		query = `SELECT count(*) FROM pg_stat_activity WHERE application_name =
			'` + childName + `' || left(current_setting('application_name'), 20)`
	case testdb.MySQL:
		query = "SELECT count(*) FROM information_schema.processlist WHERE db = DATABASE() AND id <> CONNECTION_ID()"
	default:
		return // the locks of a dead process are gone with it
	}
	for deadline := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		var n int
		if err := d.Raw.QueryRow(query).Scan(&n); err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d sessions of the dead process are still there", n)
		}
	}
}

// checkLines demands that every line of the after-commit emitter tells of a record
// in the table, and that only transactions that were under way at the end are
// missing. It returns how many those are.
func checkLines(t *testing.T, file string, trail []oracle.Entry) int {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	there := map[string]bool{}
	for _, e := range trail {
		there[e.ID] = true
	}
	said := map[string]bool{}
	for line := range bytes.Lines(text) {
		var l struct {
			Event struct {
				ID string `json:"id"`
			} `json:"event"`
		}
		if err := json.Unmarshal(line, &l); err != nil {
			if !bytes.HasSuffix(line, []byte("\n")) {
				continue // cut short by the kill
			}
			t.Errorf("not a line of JSON: %q", line)
		}
		if !there[l.Event.ID] {
			t.Errorf("announced, but not in the table: %s", line)
		}
		said[l.Event.ID] = true
	}
	// Transactions begun on a connection of the application's own are announced
	// a moment later, by the one goroutine that looks after them.
	missing := map[string]bool{}
	for _, e := range trail {
		if !said[e.ID] && !strings.HasPrefix(e.Reason, "connection ") {
			missing[e.TransactionID] = true
		}
	}
	if len(missing) > workers {
		t.Errorf("%d transactions of %d workers were not announced", len(missing), workers)
	}
	if len(said) == 0 {
		t.Errorf("nothing was announced")
	}
	return len(missing)
}
