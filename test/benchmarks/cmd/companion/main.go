// Command companion measures what companion triggers cost a statement: processor time of
// the server, beside no trigger and beside hand-written triggers that record everything.
//
//	go run ./test/benchmarks/cmd/companion
//	go run ./test/benchmarks/cmd/companion -db sqlite,postgres -rounds 9
//
// It counts the time that the connection's own process (PostgreSQL) or thread (MariaDB,
// MySQL) has had a processor, and on SQLite that of this program, so that what else the
// machine does hardly counts. The servers have to run here, under Linux. Numbers are
// medians over rounds in which the variants take turns.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/gorm-audit/auditplugin/test/benchmarks/subject"
)

func main() {
	names := flag.String("db", "sqlite,postgres,mysql", "databases; servers are those that the environment names")
	rounds := flag.Int("rounds", 7, "how often each variant has its turn")
	flag.Parse()
	for _, name := range strings.Split(*names, ",") {
		k := subject.Kind(name)
		if env, ok := k.Server(); !ok {
			fmt.Fprintln(os.Stderr, name, "left out:", env, "is not set")
			continue
		}
		if err := measure(k, *rounds); err != nil {
			fmt.Fprintln(os.Stderr, name+":", err)
			os.Exit(1)
		}
	}
}

// operation is a statement that is run so many times in a turn.
type operation struct {
	title string
	times int
	query func(table string, i int) string
}

// many is how many rows the larger statements write.
const many = 1000

func operations() []operation {
	columns := "name, email, phone, city, balance, score, active, created_at, updated_at"
	row := func(i int) string {
		return fmt.Sprintf("('Ada Lovelace', 'ada%d@example.com', '+19876543210', 'London', 100, 0.5, '1', '2026-01-02 03:04:05', '2026-01-02 03:04:05')", i)
	}
	return []operation{
		{"update 1", 200, func(table string, i int) string {
			return fmt.Sprintf("UPDATE %s SET phone = '+1%d' WHERE id = %d", table, 1_000_000_000+i, i%subject.Rows+1)
		}},
		{fmt.Sprint("insert ", many), 1, func(table string, i int) string {
			rows := make([]string, many)
			for n := range rows {
				rows[n] = row(i*many + n)
			}
			return "INSERT INTO " + table + " (" + columns + ") VALUES " + strings.Join(rows, ", ")
		}},
		{fmt.Sprint("update ", many), 1, func(table string, i int) string {
			return fmt.Sprintf("UPDATE %s SET phone = '+1%d' WHERE id <= %d", table, 1_000_000_000+i, many)
		}},
	}
}

func measure(k subject.Kind, rounds int) (err error) {
	ctx := context.Background()
	place, err := subject.NewPlace(k, "")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, place.Drop()) }()
	all, err := open(ctx, place)
	defer func() {
		for _, v := range all {
			err = errors.Join(err, v.close())
		}
	}()
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "%s, µs of processor\t", k)
	for _, v := range all {
		fmt.Fprintf(w, "%s\t", v.title)
	}
	fmt.Fprintln(w)
	next := 0
	for _, o := range operations() {
		took := make([][]time.Duration, len(all))
		for round := range rounds + 1 {
			for i, v := range all {
				d, err := v.turn(ctx, o, next)
				if err != nil {
					return fmt.Errorf("%s, %s: %w", v.title, o.title, err)
				}
				if round > 0 { // the first fills caches
					took[i] = append(took[i], d/time.Duration(o.times))
				}
				next += o.times
			}
		}
		fmt.Fprintf(w, "%s\t", o.title)
		for i := range all {
			slices.Sort(took[i])
			fmt.Fprintf(w, "%d\t", took[i][len(took[i])/2].Microseconds())
		}
		fmt.Fprintln(w)
	}
	return w.Flush()
}
