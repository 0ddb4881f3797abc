// Command writes measures what auditing costs a write: the same work through plain
// GORM, through GORM with the plugin, and through plain GORM on tables with
// hand-written triggers, in one process, in turns.
//
//	go run ./test/benchmarks/cmd/writes
//	go run ./test/benchmarks/cmd/writes -db sqlite -work update,delete -rounds 31
//
// It uses SQLite (WAL, a temporary folder), and PostgreSQL and MariaDB or MySQL where
// AUDIT_POSTGRES_DSN and AUDIT_MYSQL_DSN name servers; there it makes a schema or a
// database of its own, which it drops. Commits are as durable as the server's settings
// make them. Ratios are medians over rounds, each of which compares turns that ran in
// a row, with the quartiles behind them. Times vary from machine to machine and with
// the disk; ratios vary less.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"

	"github.com/gorm-audit/auditplugin/test/benchmarks/cost"
	"github.com/gorm-audit/auditplugin/test/benchmarks/subject"
	"github.com/gorm-audit/auditplugin/test/benchmarks/work"
)

func main() {
	if text := os.Getenv(childEnv); text != "" {
		if err := obey(text); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	o, err := parse(os.Args[1:])
	if errors.Is(err, flag.ErrHelp) {
		os.Exit(2)
	}
	if err == nil {
		err = run(o)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(o *options) error {
	warnIfBusy(os.Stderr)
	stop, err := startProfile(o.profile)
	if err != nil {
		return err
	}
	sections, err := o.sections()
	if err == nil && o.twice {
		err = o.repeat(sections)
	}
	if err := errors.Join(err, stop()); err != nil {
		return err
	}
	if o.page == "" {
		return nil
	}
	return writeDocs(o, sections)
}

// sections measures every database in every mode.
func (o *options) sections() ([]section, error) {
	var sections []section
	for _, k := range o.kinds {
		for _, m := range k.Modes() {
			if !slices.Contains(o.modes, m) {
				continue
			}
			for i, trail := range o.trails {
				if i > 0 && m != subject.Default {
					break
				}
				s, err := o.in(m, i > 0).measure(k, m, trail)
				if err != nil {
					return nil, fmt.Errorf("%s, %s, trail of %d: %w", k, m, trail, err)
				}
				s.again = i > 0
				printText(os.Stdout, s)
				sections = append(sections, s)
			}
		}
	}
	return sections, nil
}

// section is one database in one mode.
type section struct {
	kind    subject.Kind
	mode    subject.Mode
	trail   int
	again   bool // the same with another trail came before
	server  server
	results []*result
	second  []*result // the same works, measured again
}

// measure does all works on one database in one mode.
func (o *options) measure(k subject.Kind, m subject.Mode, trail int) (_ section, err error) {
	a, err := enter(o, k, m, trail)
	if err != nil {
		return section{}, err
	}
	defer func() { err = errors.Join(err, a.leave()) }()
	out := section{kind: k, mode: m, trail: trail}
	if out.server, err = describe(a.subjects[0]); err != nil {
		return section{}, err
	}
	costs := cost.Table{}
	if o.counts {
		small := slices.DeleteFunc(slices.Clone(o.works), func(w work.Work) bool { return w.Big })
		if costs, err = cost.Of(k, m, o.dir, small, o.variants...); err != nil {
			return section{}, err
		}
	}
	measure := func(which func(work.Work) bool) error {
		for i, w := range o.works {
			if which(w) {
				if out.results[i], err = a.measure(w); err != nil {
					return err
				}
				out.results[i].costs = costs[w.Name]
			}
		}
		return nil
	}
	out.results = make([]*result, len(o.works))
	if err := measure(func(w work.Work) bool { return !w.Big }); err != nil {
		return section{}, err
	}
	if o.writers && k == subject.Postgres {
		r, err := a.measureWriters()
		if err != nil {
			return section{}, err
		}
		out.results = append(out.results, r)
	}
	// Servers clean up for a while after the largest.
	return out, measure(func(w work.Work) bool { return w.Big })
}

// in leaves out what is not measured in a mode, or not again with another trail.
func (o *options) in(m subject.Mode, again bool) *options {
	less := *o
	less.counts = o.counts && !again
	less.again = again
	if m == subject.Default || o.everywhere {
		return &less
	}
	less.writers = false
	less.works = slices.DeleteFunc(slices.Clone(o.works), func(w work.Work) bool { return w.Big })
	return &less
}
