// Command writes measures what the plugin adds to a write: the same work through
// plain GORM and through GORM with the plugin, in one process, in turns.
//
//	go run ./internal/benchmarks/cmd/writes
//
// It uses SQLite (WAL, a temporary file), and PostgreSQL and MariaDB or MySQL where
// AUDIT_POSTGRES_DSN and AUDIT_MYSQL_DSN name servers; there it makes tables of its
// own, which it drops. It prints a Markdown table of medians and ratios. Times vary
// from machine to machine and with the disk; the ratios vary less.
package main

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"slices"
	"time"
)

func main() {
	rounds := flag.Int("rounds", 21, "how often each work is done by each side")
	flag.Parse()
	if *rounds < 1 || flag.NArg() > 0 {
		flag.Usage()
		os.Exit(2)
	}
	if err := run(*rounds); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(rounds int) error {
	fmt.Printf("%s %s/%s, %d CPUs; medians of %d rounds\n\n", runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), rounds)
	fmt.Println("| database | work | plain | audited | ratio |")
	fmt.Println("|---|---|--:|--:|--:|")
	for _, d := range databases() {
		if err := d.measure(rounds); err != nil {
			return fmt.Errorf("%s: %w", d.name, err)
		}
	}
	return nil
}

// measure does every work by both sides in turns and prints a line for each.
func (d database) measure(rounds int) (err error) {
	pair, err := d.open()
	if err != nil {
		return err
	}
	defer func() {
		if cerr := pair.close(); err == nil {
			err = cerr
		}
	}()
	for _, w := range works() {
		var times [2][]time.Duration
		var ratios []float64
		for round := range rounds + 1 {
			var took [2]time.Duration
			for turn := range 2 {
				side := (round + turn) % 2 // nobody is always first
				start := time.Now()
				if err := w.do(pair.db[side], round); err != nil {
					return fmt.Errorf("%s: %w", w.name, err)
				}
				took[side] = time.Since(start) / time.Duration(w.per)
			}
			if round == 0 {
				continue // warms statements, catalog and cache
			}
			for side := range took {
				times[side] = append(times[side], took[side])
			}
			ratios = append(ratios, float64(took[1])/float64(took[0]))
		}
		fmt.Printf("| %s | %s | %v | %v | %.2f |\n", d.name, w.name,
			median(times[0]).Round(time.Microsecond), median(times[1]).Round(time.Microsecond), median(ratios))
	}
	return nil
}

func median[T int64 | float64 | time.Duration](x []T) T {
	slices.Sort(x)
	return x[len(x)/2]
}
