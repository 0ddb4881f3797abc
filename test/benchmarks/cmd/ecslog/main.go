// Command ecslog measures package ecslog beside slog.JSONHandler and ecszap, and
// prints a Markdown table of medians and ratios:
//
//	go run ./test/benchmarks/cmd/ecslog
//
// All three run in one process and take turns in short batches, so that what else
// the machine does falls on all of them alike. Times vary from machine to machine;
// the ratios vary less.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/gorm-audit/auditplugin/test/benchmarks/loggers"
)

func main() {
	rounds := flag.Int("rounds", 401, "batches of each logger")
	batch := flag.Duration("batch", 500*time.Microsecond, "how long one batch takes at least")
	flag.Parse()
	if *rounds < 1 || *batch <= 0 || flag.NArg() > 0 {
		flag.Usage()
		os.Exit(2)
	}
	fmt.Printf("%s %s/%s, %d CPUs; medians of %d batches of %v or more\n\n", runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), *rounds, *batch)
	fmt.Println("| case | ecslog ns | slog ns | ecszap ns | to slog | to ecszap | allocations |")
	fmt.Println("|---|--:|--:|--:|--:|--:|--:|")
	for _, c := range loggers.Cases() {
		m := measure(c, *rounds, *batch)
		fmt.Printf("| %s | %.0f | %.0f | %.0f | %.2f | %.2f | %.0f / %.0f / %.0f |\n", c.Name,
			m.ns[0], m.ns[1], m.ns[2], m.toSlog, m.toZap, m.allocs[0], m.allocs[1], m.allocs[2])
	}
}

// result has one element per subject, in the order of loggers.Subjects. The ratios
// are medians over the rounds, each of which compares batches that ran in a row.
type result struct {
	ns, allocs    [3]float64
	toSlog, toZap float64
}

func measure(c loggers.Case, rounds int, batch time.Duration) result {
	var r result
	var calls [3]func()
	var n [3]int
	for i, subject := range loggers.Subjects() {
		calls[i] = c.Call(subject, io.Discard)
		r.allocs[i] = testing.AllocsPerRun(100, calls[i])
		for n[i] = 100; run(calls[i], n[i]) < batch; n[i] *= 2 {
		}
	}
	var times [3][]float64
	var toSlog, toZap []float64
	for round := range rounds {
		var ns [3]float64
		for turn := range calls {
			i := (round + turn) % len(calls) // nobody is always first
			ns[i] = float64(run(calls[i], n[i])) / float64(n[i])
		}
		for i := range ns {
			times[i] = append(times[i], ns[i])
		}
		toSlog, toZap = append(toSlog, ns[0]/ns[1]), append(toZap, ns[0]/ns[2])
	}
	for i := range times {
		r.ns[i] = median(times[i])
	}
	r.toSlog, r.toZap = median(toSlog), median(toZap)
	return r
}

func run(call func(), n int) time.Duration {
	start := time.Now()
	for range n {
		call()
	}
	return time.Since(start)
}

func median(x []float64) float64 {
	slices.Sort(x)
	return x[len(x)/2]
}
