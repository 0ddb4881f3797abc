package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gorm-audit/auditplugin/test/benchmarks/subject"
)

// writeDocs writes benchmarks.md and the plot beside it.
func writeDocs(o *options, sections []section) error {
	return errors.Join(
		writeFile(filepath.Join(o.page, "benchmarks.md"), func(w io.Writer) { o.markdown(w, sections, time.Now()) }),
		writeFile(filepath.Join(o.page, "benchmarks.svg"), func(w io.Writer) { plot(w, sections) }),
	)
}

func writeFile(name string, content func(io.Writer)) error {
	var b strings.Builder
	content(&b)
	return os.WriteFile(name, []byte(b.String()), 0o644)
}

// markdown is the whole page.
func (o *options) markdown(w io.Writer, sections []section, now time.Time) {
	fmt.Fprint(w, `# What auditing costs

Written by `+"`make bench`"+`; edits are lost.

![Time as a multiple of plain GORM, by work and database](benchmarks.svg)

`)
	o.method(w, sections, now)
	for _, s := range sections {
		s.markdown(w)
	}
	markdownSecond(w, sections)
	fmt.Fprint(w, `
## Repeat it

`+"```sh"+`
export AUDIT_POSTGRES_DSN='postgres://…' AUDIT_MYSQL_DSN='…'   # without them: SQLite only
make bench                                                          # everything; writes this page
go run ./test/benchmarks/cmd/writes -quick                      # a few minutes
go run ./test/benchmarks/cmd/writes -db sqlite -work update -mode default -rounds 101
`+"```"+`
`)
}

func (o *options) method(w io.Writer, sections []section, now time.Time) {
	fmt.Fprintf(w, `The same work is done through plain GORM, through GORM with the plugin and its table emitter, all options as they are, and through plain GORM on tables
with hand-written AFTER triggers, which store the full row before and after as JSON. The triggers write to a table of the plugin's definition and indexes;
who, why and the names of the changed columns stay empty there, since a trigger does not know the former and pays for the latter. *slog* is the plugin with a slog emitter
that writes JSON to nowhere, and no table. The model has ten columns.

All run in one process. Each round gives every variant a turn, another one first each time; a turn of the works on one row lasts about %v. Unless a heading says otherwise, each audit table is %s: the triggers' ids are random, as the databases' functions
make them, the plugin's go up with time. The other tables have the same size before each turn, and checkpoints and vacuuming between turns are not measured. A ratio is the median over %d rounds (%d for the 100,000 rows) of the ratio within a round;
brackets hold its quartiles. *met?* and *missed?* say that the target lies in the 95 %% interval of the median. The writers are 16 goroutines that update rows by key, %v each variant in slices of %v; there the ratio is of throughput,
and more is better. Targets against plain GORM are for commits that last.

| | |
|---|---|
| Date | %s |
| Machine | %s; the servers run on it too, reached over TCP |
| Versions | %s |
`, o.slice, trailTitle(o.trails[0]), o.rounds, o.bigs, o.duration, min(turnLength, o.duration), now.UTC().Format(time.DateOnly),
		strings.Join(machine(), ", "), strings.Join(versions(), ", "))
	seen := map[string]bool{}
	for _, s := range sections {
		line := fmt.Sprintf("| %s | %s: %s |\n", s.server.label, s.server.version, strings.Join(s.server.settings, ", "))
		if !seen[line] {
			fmt.Fprint(w, line)
		}
		seen[line] = true
	}
	fmt.Fprintf(w, "| Command | `%s` |\n", strings.Join(append([]string{"go run ./test/benchmarks/cmd/writes"}, os.Args[1:]...), " "))
}

// modeTitle says what a mode is.
func modeTitle(m subject.Mode) string {
	return map[subject.Mode]string{
		subject.Default: "",
		subject.Prepare: " with PrepareStmt",
		subject.Simple:  " with the simple protocol",
		subject.NoSync:  " without waiting for the disk",
	}[m]
}

// trailTitle says what the trail holds.
func trailTitle(n int) string {
	if n == 0 {
		return "a trail that is empty before each turn"
	}
	return fmt.Sprintf("a trail of %d records and more", n)
}

func (s section) markdown(w io.Writer) {
	title := s.server.label + modeTitle(s.mode)
	if s.again {
		title += ", " + trailTitle(s.trail)
	}
	fmt.Fprintf(w, "\n## %s\n\n", title)
	if s.mode == subject.NoSync {
		fmt.Fprint(w, "`synchronous = NORMAL`, as SQLite's driver is built: a commit may be lost with the power, and costs next to nothing, so that every ratio is larger.\n\n")
	}
	times, counts, memories := rows(s.results)
	markdownTable(w, timeHead(), times)
	if len(counts) > 0 {
		fmt.Fprint(w, "\nOne operation of plain GORM, and what the plugin adds. BEGIN and COMMIT are statements too.")
		switch s.kind {
		case subject.SQLite:
			fmt.Fprint(w, " SQLite has no wire: a round trip is a call of its driver.")
		case subject.Postgres:
			fmt.Fprint(w, " The target holds for statements and for round trips.")
		case subject.MySQL:
			fmt.Fprint(w, " The target holds for statements and for round trips. The driver prepares a statement that has arguments before it executes it, which makes two round trips, unless `interpolateParams` is set.")
		}
		fmt.Fprint(w, "\n\n")
		markdownTable(w, countHead(), counts)
	}
	if len(memories) > 0 {
		fmt.Fprint(w, "\nPeak memory of a process that updates 100,000 rows in one statement, beyond one that does it with plain GORM, in up to three runs each.\n\n")
		markdownTable(w, memoryHead(), memories)
	}
}

func markdownTable(w io.Writer, head []string, rows [][]string) {
	line := func(cells []string) { fmt.Fprintf(w, "| %s |\n", strings.Join(cells, " | ")) }
	line(head)
	rule := []string{"---"}
	for range head[1:] {
		rule = append(rule, "--:")
	}
	line(rule)
	for _, row := range rows {
		line(row)
	}
}
