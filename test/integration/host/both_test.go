package host

import (
	"fmt"
	"regexp"
	"strings"
	"sync"
	"testing"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/test/integration/testdb"
)

// both does the same on plain GORM and on an audited database, each a fresh one.
func both[T any](t *testing.T, g testdb.Target, work func(t *testing.T, d *testdb.DB) T, options ...testdb.Option) (plain, audited T) {
	t.Helper()
	plain = work(t, g.Open(t, append([]testdb.Option{testdb.WithoutPlugin()}, options...)...))
	audited = work(t, g.Open(t, options...))
	return plain, audited
}

// same compares what both runs noted, line by line.
func same(t *testing.T, plain, audited []string) {
	t.Helper()
	if len(plain) == 0 {
		t.Error("nothing was noted")
	}
	for i := range max(len(plain), len(audited)) {
		var p, a string
		if i < len(plain) {
			p = plain[i]
		}
		if i < len(audited) {
			a = audited[i]
		}
		if p != a {
			t.Errorf("step %d differs\n  plain:   %s\n  audited: %s", i+1, p, a)
		}
	}
}

// storm runs work in many goroutines at once, each for some rounds, and returns
// the errors that it met.
func storm(workers, rounds int, work func(worker, round int) error) []error {
	var (
		wg     sync.WaitGroup
		mu     sync.Mutex
		failed []error
		start  = make(chan struct{})
	)
	for w := range workers {
		wg.Go(func() {
			<-start
			for r := range rounds {
				if err := work(w, r); err != nil {
					mu.Lock()
					failed = append(failed, err)
					mu.Unlock()
				}
			}
		})
	}
	close(start)
	wg.Wait()
	return failed
}

// database matches the names of the databases that tests get.
var database = regexp.MustCompile("audit_[0-9a-f]{32}")

// told describes an error as the application can tell it from others.
func told(err error) string {
	if err == nil {
		return "ok"
	}
	return fmt.Sprintf("%T %s", err, database.ReplaceAllString(err.Error(), "db"))
}

// must ends the test when a step that is not under test fails.
func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// run executes statements through the pool that GORM does not know.
func run(t *testing.T, d *testdb.DB, statements ...string) {
	t.Helper()
	for _, s := range statements {
		if _, err := d.Raw.Exec(s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

// count asks for one number.
func count(t *testing.T, d *testdb.DB, query string, args ...any) int {
	t.Helper()
	var n int
	if err := d.Raw.QueryRow(query, args...).Scan(&n); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return n
}

// records asks how many records of a kind the audit table holds; plain databases
// have none to ask for.
func records(t *testing.T, d *testdb.DB, table, action string) int {
	t.Helper()
	return count(t, d, "SELECT count(*) FROM audit_logs WHERE table_name = '"+table+"' AND action = '"+action+"'")
}

// rows reads a table as text, in a given order.
func rows(t *testing.T, db *gorm.DB, query string, args ...any) string {
	t.Helper()
	r, err := db.Raw(query, args...).Rows()
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer func() { _ = r.Close() }()
	names, err := r.Columns()
	must(t, err)
	var out strings.Builder
	for r.Next() {
		values, into := make([]any, len(names)), make([]any, len(names))
		for i := range values {
			into[i] = &values[i]
		}
		must(t, r.Scan(into...))
		for i, v := range values {
			if b, ok := v.([]byte); ok {
				v = string(b)
			}
			fmt.Fprintf(&out, "%s=%v ", names[i], v)
		}
		out.WriteString("; ")
	}
	must(t, r.Err())
	return out.String()
}
