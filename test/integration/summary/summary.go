// Package summary gathers what the proof tests counted. Each test appends lines to
// the file that AUDIT_PROOF_SUMMARY names; cmd/proof adds them up.
package summary

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
)

// Env names the file that lines are appended to. Nothing is written when it is unset.
const Env = "AUDIT_PROOF_SUMMARY"

// The counts of the standard rows, in the order in which they are printed. Tests may
// use other names; those come last, sorted.
const (
	Histories         = "histories"
	Operations        = "operations"
	RowChanges        = "row changes"
	Records           = "records"
	Mismatches        = "mismatches"
	KillsSurvived     = "kills survived"
	RestartsSurvived  = "restarts survived"
	ParallelWrites    = "parallel transactions"
	SecretsSearched   = "secrets searched"
	SecretsLeaked     = "secrets leaked"
	FalseTrailsCaught = "false trails caught"
)

var order = []string{
	Histories, Operations, RowChanges, Records, Mismatches, KillsSurvived, RestartsSurvived,
	ParallelWrites, SecretsSearched, SecretsLeaked, FalseTrailsCaught,
}

// bad are the counts that must be zero.
var bad = []string{Mismatches, SecretsLeaked}

// Counts is what a test counted, by name.
type Counts map[string]int64

// line is one line of the file.
type line struct {
	Test     string `json:"test"`
	Database string `json:"database"` // sqlite, postgres or mysql
	Counts   Counts `json:"counts"`
}

// Add appends what t counted on a database ("sqlite", "postgres" or "mysql") to the
// file that AUDIT_PROOF_SUMMARY names, or does nothing if it names none. The line
// is written at once, in one piece: tests and processes may share the file.
func Add(t testing.TB, database string, counts Counts) {
	t.Helper()
	name := os.Getenv(Env)
	if name == "" {
		return
	}
	text, err := json.Marshal(line{t.Name(), database, counts})
	if err != nil {
		t.Fatalf("summary: %v", err)
	}
	f, err := os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatalf("summary: %v", err)
	}
	if _, err := f.Write(append(text, '\n')); err != nil {
		t.Errorf("summary: %v", err)
	}
	if err := f.Close(); err != nil {
		t.Errorf("summary: %v", err)
	}
}

// Total is the sum of all lines by database and count.
type Total map[string]Counts

// Read adds up the lines of a file that Add wrote.
func Read(r io.Reader) (Total, error) {
	total := Total{}
	scanner := bufio.NewScanner(r)
	scanner.Buffer(nil, 1<<20)
	for scanner.Scan() {
		var l line
		if err := json.Unmarshal(scanner.Bytes(), &l); err != nil {
			return nil, fmt.Errorf("summary: %w in %q", err, scanner.Text())
		}
		if total[l.Database] == nil {
			total[l.Database] = Counts{}
		}
		for name, n := range l.Counts {
			total[l.Database][name] += n
		}
	}
	return total, scanner.Err()
}

// Wrong lists the counts that should be zero and are not.
func (s Total) Wrong() []string {
	var wrong []string
	for _, database := range s.databases() {
		for _, name := range bad {
			if n := s[database][name]; n != 0 {
				wrong = append(wrong, fmt.Sprintf("%s: %d %s", database, n, name))
			}
		}
	}
	return wrong
}

// Write prints a table with a column for each database.
func (s Total) Write(w io.Writer) error {
	databases := s.databases()
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(table, "\t%s\t\n", strings.Join(databases, "\t"))
	for _, name := range s.names() {
		fmt.Fprintf(table, "%s\t", name)
		for _, database := range databases {
			if n, ok := s[database][name]; ok {
				fmt.Fprintf(table, "%d\t", n)
			} else {
				fmt.Fprint(table, "-\t")
			}
		}
		fmt.Fprintln(table)
	}
	return table.Flush()
}

func (s Total) databases() []string {
	var names []string
	for _, name := range []string{"sqlite", "postgres", "mysql"} {
		if s[name] != nil {
			names = append(names, name)
		}
	}
	var others []string
	for name := range s {
		if !slices.Contains(names, name) {
			others = append(others, name)
		}
	}
	slices.Sort(others)
	return append(names, others...)
}

func (s Total) names() []string {
	seen := map[string]bool{}
	for _, counts := range s {
		for name := range counts {
			seen[name] = true
		}
	}
	var names, others []string
	for _, name := range order {
		if seen[name] {
			names = append(names, name)
		}
	}
	for name := range seen {
		if !slices.Contains(order, name) {
			others = append(others, name)
		}
	}
	slices.Sort(others)
	return append(names, others...)
}
