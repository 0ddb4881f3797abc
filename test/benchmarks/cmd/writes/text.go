package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/gorm-audit/auditplugin/test/benchmarks/subject"
)

// timeHead and timeRow are the columns of the table of times.
func timeHead() []string {
	return []string{"work", "plain", "plugin / plain", "target", "plugin / trigger", "target", "trigger / plain", "slog / plain"}
}

func (r *result) timeRow() []string {
	t := targetOf(r.work, r.kind, r.mode)
	plugin := r.toPlain[subject.Plugin]
	return []string{
		r.title, r.plain(), plugin.String(), t.verdict(plugin, t.plain), r.toTrigger.String(), t.verdict(r.toTrigger, t.trigger),
		r.toPlain[subject.Trigger].String(), r.toPlain[subject.Slog].String(),
	}
}

// plain is what plain GORM took, or did per second.
func (r *result) plain() string {
	median := r.perOp[subject.Plain].median
	if r.work == writers {
		return fmt.Sprintf("%.0f/s", median)
	}
	d := time.Duration(median * float64(time.Second))
	switch {
	case d > time.Second:
		return d.Round(10 * time.Millisecond).String()
	case d > 10*time.Millisecond:
		return d.Round(100 * time.Microsecond).String()
	}
	return d.Round(time.Microsecond).String()
}

// countHead and countRow are the columns of the table of what does not depend on the
// machine: plain GORM's number, and what the plugin adds.
func countHead() []string {
	return []string{"work", "statements", "round trips", "target", "bytes sent", "bytes received", "allocations", "target", "bytes allocated"}
}

func (r *result) countRow() []string {
	plain := r.costs[subject.Plain]
	more := r.costs[subject.Plugin].Minus(plain)
	trips, allocs := "", ""
	if r.work == "update" {
		trips = limit(max(more.Statements, more.RoundTrips), extraStatements(r.kind))
		allocs = limit(more.Allocs, extraAllocs)
	}
	return []string{
		r.title, plus(plain.Statements, more.Statements), plus(plain.RoundTrips, more.RoundTrips), trips,
		plus(plain.Sent, more.Sent), plus(plain.Received, more.Received),
		plus(plain.Allocs, more.Allocs), allocs, plus(plain.AllocBytes, more.AllocBytes),
	}
}

func plus(x, more float64) string { return fmt.Sprintf("%.0f %+.0f", x, more) }

func limit(x, most float64) string {
	switch {
	case most == 0:
		return ""
	case x <= most:
		return fmt.Sprintf("≤ +%.0f met", most)
	}
	return fmt.Sprintf("≤ +%.0f missed", most)
}

// memoryRow says what the variants' largest statement takes.
func (r *result) memoryRow(v subject.Variant) []string {
	m := r.memory[v]
	verdict := ""
	if v == subject.Plugin {
		verdict = "≤ 64 met"
		if max(m.heap.median, m.resident.median) > memoryTarget {
			verdict = "≤ 64 missed"
		}
	}
	return []string{string(v), mebibytes(m.resident), mebibytes(m.heap), verdict}
}

func memoryHead() []string {
	return []string{"memory beyond plain, MiB", "process", "Go heap", "target"}
}

func mebibytes(s spread) string {
	return spread{n: s.n, median: s.median / (1 << 20), q1: s.q1 / (1 << 20), q3: s.q3 / (1 << 20)}.String()
}

// table prints rows below their heads for a terminal.
func table(w io.Writer, head []string, rows [][]string) {
	if len(rows) == 0 {
		return
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, strings.Join(head, "\t"))
	for _, row := range rows {
		fmt.Fprintln(t, strings.Join(row, "\t"))
	}
	_ = t.Flush() // to a terminal
}

// printText prints the results of one database in one mode.
func printText(w io.Writer, s section) {
	fmt.Fprintf(w, "\n%s, %s mode, %s: medians and [quartiles] of ratios of time; writers: of throughput\n", s.server.label, s.mode, trailTitle(s.trail))
	times, counts, memories := rows(s.results)
	table(w, timeHead(), times)
	if len(counts) > 0 {
		fmt.Fprintln(w, "\none operation of plain GORM, and what the plugin adds")
		table(w, countHead(), counts)
	}
	if len(memories) > 0 {
		fmt.Fprintln(w, "\npeak while 100,000 rows are updated in one statement")
		table(w, memoryHead(), memories)
	}
}

// rows returns the tables' rows. Counts and memory may be empty.
func rows(results []*result) (times, counts, memories [][]string) {
	for _, r := range results {
		times = append(times, r.timeRow())
		if len(r.costs) > 0 {
			counts = append(counts, r.countRow())
		}
		for _, v := range subject.Variants() {
			if _, ok := r.memory[v]; ok {
				memories = append(memories, r.memoryRow(v))
			}
		}
	}
	return times, counts, memories
}
