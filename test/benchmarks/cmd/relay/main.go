// Command relay measures, on PostgreSQL, how long a record takes from the write to
// a relay's sink, for each way of waking the relay, and what each way costs writers.
//
//	export AUDIT_POSTGRES_DSN=…
//	go run ./test/benchmarks/cmd/relay -rate 500 -for 20s
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"time"
)

type settings struct {
	dsn     string
	rate    int
	writers int
	warm    time.Duration
	length  time.Duration
	rounds  int
	only    string
}

func main() {
	s := settings{dsn: os.Getenv("AUDIT_POSTGRES_DSN")}
	flag.IntVar(&s.rate, "rate", 500, "changes a second while the delay is measured")
	flag.IntVar(&s.writers, "writers", 16, "concurrent writers")
	flag.DurationVar(&s.warm, "warm", 2*time.Second, "time before measuring")
	flag.DurationVar(&s.length, "for", 20*time.Second, "length of each measurement of delay")
	flag.IntVar(&s.rounds, "rounds", 5, "rounds of two seconds each, of writes as fast as they go")
	flag.StringVar(&s.only, "only", "", "measure delays of the ways whose name contains this")
	flag.Parse()
	if err := run(s); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(s settings) error {
	if s.dsn == "" {
		return errors.New("AUDIT_POSTGRES_DSN is not set")
	}
	ctx := context.Background()
	if load, err := os.ReadFile("/proc/loadavg"); err == nil {
		fmt.Printf("load before: %s", load)
	}
	fmt.Printf("\nDelay from before the write until the sink has the record, at %d changes a second:\n\n", s.rate)
	fmt.Println("| Woken by | Changes | Median | p95 | p99 | Largest | p99 of the write alone |")
	fmt.Println("|---|--:|--:|--:|--:|--:|--:|")
	for _, w := range ways() {
		if !strings.Contains(w.name, s.only) {
			continue
		}
		d, writes, err := delays(ctx, s, w)
		if err != nil {
			return fmt.Errorf("%s: %w", w.name, err)
		}
		fmt.Printf("| %s | %d | %s | %s | %s | %s | %s |\n", w.name, len(d), at(d, 50), at(d, 95), at(d, 99), at(d, 100), at(writes, 99))
	}
	if s.rounds == 0 {
		return nil
	}
	fmt.Printf("\nChanges a second with %d writers as fast as they go, medians of %d rounds in turns:\n\n", s.writers, s.rounds)
	fmt.Println("| Woken by | Changes a second |")
	fmt.Println("|---|--:|")
	return throughput(ctx, s)
}

// at returns a percentile of sorted delays.
func at(d []time.Duration, percent int) string {
	if len(d) == 0 {
		return "–"
	}
	i := min(len(d)-1, len(d)*percent/100)
	return fmt.Sprintf("%.1f ms", float64(d[i].Microseconds())/1000)
}
