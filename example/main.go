// Command example is a tour of auditplugin: a small accounts service changes some
// rows, its audit records appear as JSON lines when they are committed, and at the
// end the audit table is asked what happened.
//
// It runs on a temporary SQLite database. Another one can be named:
//
//	go run ./example
//	go run ./example -dsn 'postgres://postgres@127.0.0.1:5432/test?sslmode=disable'
//	go run ./example -dsn 'root:@tcp(127.0.0.1:3306)/test?parseTime=true'
//
// With -alerts it shows alerts instead: a local web server plays a support desk that
// is told of a changed MFA phone, and not of one whose transaction was rolled back.
//
// With -web it fills a small shop, in a temporary SQLite database, with a year of changes
// by several people, and serves the viewer of package auditweb on 127.0.0.1:8088 (-addr
// chooses). -dsn does not count then.
//
// With -companion it shows companion triggers: a row changed through GORM, by raw SQL and
// by another program, and one trail of all three.
//
// With -dsn, the tour uses tables whose names start with tour_, which it replaces at
// the start and drops at the end, and the table audit_logs, which it only adds to.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
)

func main() {
	dsn := flag.String("dsn", "", "PostgreSQL URL or MariaDB/MySQL DSN; empty uses a temporary SQLite database")
	alerts := flag.Bool("alerts", false, "show alerts instead: who is told of a change, and in which words")
	web := flag.Bool("web", false, "fill a small shop with a year of changes and serve its trail as web pages")
	addr := flag.String("addr", "127.0.0.1:8088", "with -web: where to listen; port 0 is a free one")
	companion := flag.Bool("companion", false, "show companion triggers instead: what GORM did not write is in the trail, too")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	show := run
	if *alerts {
		show = runAlerts
	}
	if *companion {
		show = runCompanion
	}
	if *web {
		show = func(ctx context.Context, out io.Writer, _ string) error { return runWeb(ctx, out, *addr) }
	}
	if err := show(ctx, os.Stdout, *dsn); err != nil {
		fmt.Fprintln(os.Stderr, err)
		stop()
		os.Exit(1) //nolint:gocritic // stopped above
	}
}

// run does the whole tour and writes everything it has to show to out.
func run(ctx context.Context, out io.Writer, dsn string) (err error) {
	db, closeDB, err := openDatabase(dsn)
	if err != nil {
		return err
	}
	defer func() {
		if e := closeDB(); err == nil {
			err = e
		}
	}()

	plugin, err := install(db, out)
	if err != nil {
		return err
	}
	defer func() {
		if e := plugin.Close(ctx); err == nil {
			err = e
		}
	}()

	before, err := lastSeq(db)
	if err != nil {
		return err
	}
	fmt.Fprintln(out, "== Records, as they are committed ==")
	if err := tour(ctx, out, db); err != nil {
		return err
	}
	fmt.Fprintln(out, "\n== The audit table, read back ==")
	return printTrail(out, db, before)
}
