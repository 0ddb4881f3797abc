// Command writes measures what auditing costs a write: the same work through plain
// GORM, through GORM with the plugin, and through plain GORM on tables with
// hand-written triggers, in one process, in turns.
//
//	go run ./internal/benchmarks/cmd/writes
//	go run ./internal/benchmarks/cmd/writes -db sqlite -work update,delete -rounds 31
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

	"github.com/gorm-audit/auditplugin/internal/benchmarks/subject"
)

func main() {
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
	for _, k := range o.kinds {
		for _, m := range k.Modes() {
			if !slices.Contains(o.modes, m) {
				continue
			}
			if err := o.measure(k, m); err != nil {
				return fmt.Errorf("%s, %s: %w", k, m, err)
			}
		}
	}
	return nil
}

// measure does all works on one database in one mode.
func (o *options) measure(k subject.Kind, m subject.Mode) (err error) {
	a, err := enter(o, k, m)
	if err != nil {
		return err
	}
	defer func() {
		if cerr := a.leave(); err == nil {
			err = cerr
		}
	}()
	p := newPrinter(os.Stdout, fmt.Sprintf("%s, %s mode", k, m))
	defer func() { _ = p.w.Flush() }()
	for _, w := range o.works {
		r, err := a.measure(w)
		if err != nil {
			return err
		}
		p.line(r)
	}
	if o.writers && k == subject.Postgres {
		r, err := a.measureWriters()
		if err != nil {
			return err
		}
		p.line(r)
	}
	return nil
}
