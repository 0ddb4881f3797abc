// Command history measures how long questions to a large audit table take, and
// checks that each is answered from an index:
//
//	go run ./test/benchmarks/cmd/history                  # 1,000,000 records
//	go run ./test/benchmarks/cmd/history -records 100000  # a look
//	go run ./test/benchmarks/cmd/history -rows            # AsOf, Blame, AsOfAll, undoing
//	go run ./test/benchmarks/cmd/history -pages           # the pages of auditweb
//
// SQLite is always measured, in a temporary file. AUDIT_POSTGRES_DSN and
// AUDIT_MYSQL_DSN name servers; there it makes a schema or a database of its own,
// which is dropped at the end. Loading a million records takes a minute or two on
// each, and a gigabyte. Compare numbers of one machine only.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"runtime"
	"slices"
	"time"

	"gorm.io/gorm"
)

func main() {
	records := flag.Int("records", 1_000_000, "how many records the table holds")
	samples := flag.Int("samples", 500, "how often each question is asked, each time of something else")
	only := flag.String("db", "", "sqlite, postgres or mysql; all that can be reached if empty")
	plans := flag.Bool("plans", false, "print the query plans")
	dsn := flag.String("dsn", "", "with -db: a database that an earlier run has kept, not to be loaded again")
	keep := flag.Bool("keep", false, "keep the databases, and print how to open them again")
	rows := flag.Bool("rows", false, "measure rows as they were, blame and undoing, on databases with nothing else")
	pages := flag.Bool("pages", false, "measure the pages of auditweb instead, a year up to now")
	flag.Parse()
	if err := run(settings{*records, *samples, *only, *dsn, *plans, *keep, *rows, *pages}); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

type settings struct {
	records, samples int
	only, dsn        string
	plans, keep      bool
	rows, pages      bool
}

// minRecords is enough for page 10,000 of ten records.
const minRecords = 100_010

func run(s settings) error {
	if s.records < minRecords || s.samples < 10 {
		return fmt.Errorf("auditplugin: %d records and 10 samples at least", minRecords)
	}
	fmt.Printf("%s, %d CPUs, %s\n", runtime.Version(), runtime.NumCPU(), time.Now().UTC().Format(time.DateOnly))
	failed, first := false, map[string]float64{}
	for _, kind := range []string{"sqlite", "postgres", "mysql"} {
		if s.only != "" && s.only != kind {
			continue
		}
		d, err := open(kind, s)
		if err != nil {
			return err
		}
		if d == nil {
			fmt.Printf("\n%s: no server is named\n", kind)
			continue
		}
		ok := true
		if s.pages {
			begin = time.Now().UTC().AddDate(-1, 0, 0)
			err = d.measurePages(s)
		} else if s.rows {
			fmt.Printf("\n%s\n", kind)
			err = d.measureRows(first)
		} else {
			ok, err = d.measure(s)
		}
		if cerr := d.close(s.keep); err == nil {
			err = cerr
		}
		if err != nil {
			return fmt.Errorf("%s: %w", kind, err)
		}
		failed = failed || !ok
	}
	if failed {
		return fmt.Errorf("auditplugin: a question was not answered from an index")
	}
	return nil
}

// measure loads the table unless it is loaded, asks, and prints a table.
func (d *database) measure(s settings) (ok bool, err error) {
	ctx := context.Background()
	w := world{records: s.records}
	start := time.Now()
	if s.dsn == "" {
		if err := d.load(ctx, w); err != nil {
			return false, err
		}
	}
	var version string
	if err := d.db.Raw(map[string]string{"sqlite": "SELECT sqlite_version()", "postgres": "SHOW server_version", "mysql": "SELECT VERSION()"}[d.kind]).Scan(&version).Error; err != nil {
		return false, err
	}
	fmt.Printf("\n%s %s, %d records, loaded in %s\n\n", d.kind, version, s.records, time.Since(start).Round(time.Second))
	fmt.Println("| Question | records | p50 ms | p99 ms | index |")
	fmt.Println("|---|--:|--:|--:|---|")
	ok = true
	for _, q := range questions(d.db, w) {
		samples := s.samples
		if q.slow {
			samples = 10
		}
		times := make([]time.Duration, 0, samples)
		found := 0
		for i := range samples + samples/10 { // the first tenth warms up
			query := q.ask(i)
			from := time.Now()
			records, err := query.Find(ctx)
			took := time.Since(from)
			if err != nil {
				return false, fmt.Errorf("%s: %w", q.name, err)
			}
			if i >= samples/10 {
				times = append(times, took)
				found += len(records)
			}
		}
		if found == 0 && s.samples >= 100 {
			return false, fmt.Errorf("auditplugin: %s: nothing was found", q.name)
		}
		p, err := d.explain(ctx, q.ask(0))
		if err != nil {
			return false, fmt.Errorf("%s: %w", q.name, err)
		}
		ok = ok && (q.slow || !p.scans)
		slices.Sort(times)
		at := func(share float64) float64 {
			return float64(times[int(share*float64(len(times)-1))].Microseconds()) / 1000
		}
		fmt.Printf("| %s | %.1f | %.2f | %.2f | %s |\n", q.name, float64(found)/float64(len(times)), at(0.50), at(0.99), p.index)
		if s.plans {
			fmt.Println(p.text)
		}
	}
	return ok, nil
}

type database struct {
	kind, dsn string
	db        *gorm.DB
	seen      *captured
	drop      func() error
	before    time.Time // when the rows of measureRows had not been changed
}
