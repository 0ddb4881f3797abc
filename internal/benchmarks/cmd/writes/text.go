package main

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/gorm-audit/auditplugin/internal/benchmarks/subject"
)

// printer prints results as they come, a line each.
type printer struct{ w *tabwriter.Writer }

func newPrinter(w io.Writer, title string) *printer {
	p := &printer{tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)}
	fmt.Fprintf(w, "\n%s\n", title)
	fmt.Fprintln(p.w, "work\tops\tplain\tplugin / plain\ttarget\tplugin / trigger\ttarget\ttrigger / plain\tslog / plain")
	return p
}

func (p *printer) line(r *result) {
	t := targetOf(r.work, r.kind, r.mode)
	plugin := r.toPlain[subject.Plugin]
	fmt.Fprintf(p.w, "%s\t%d\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", r.title, r.ops, r.plain(), plugin, t.verdict(plugin, t.plain),
		r.toTrigger, t.verdict(r.toTrigger, t.trigger), r.toPlain[subject.Trigger], r.toPlain[subject.Slog])
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
