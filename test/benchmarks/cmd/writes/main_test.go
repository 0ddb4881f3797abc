package main

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gorm-audit/auditplugin/test/benchmarks/subject"
	"github.com/gorm-audit/auditplugin/test/benchmarks/work"
)

// The program starts itself to measure memory; here that is the test.
func TestMain(m *testing.M) {
	if text := os.Getenv(childEnv); text != "" {
		if err := obey(text); err != nil {
			_, _ = os.Stderr.WriteString(err.Error() + "\n")
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

func TestParse(t *testing.T) {
	for _, name := range []string{subject.PostgresEnv, subject.MySQLEnv} {
		t.Setenv(name, "")
	}
	o, err := parse([]string{"-db", "sqlite", "-work", "update, writers", "-mode", "prepare", "-variant", "trigger", "-rounds", "60"})
	if err != nil {
		t.Fatal(err)
	}
	if len(o.kinds) != 1 || len(o.works) != 1 || !o.writers || len(o.modes) != 1 || len(o.variants) != 2 || o.bigs != 10 || len(o.trails) != 2 {
		t.Errorf("got %+v", o)
	}
	if quick, err := parse([]string{"-quick"}); err != nil || quick.rounds != 7 || quick.big() || !quick.writers {
		t.Errorf("quick is %+v, %v", quick, err)
	}
	for _, args := range []string{"-db oracle", "-db postgres", "-work nothing", "-mode fast", "-variant magic", "-rounds 0", "-trail few", "-trail -1", "more"} {
		if _, err := parse(strings.Fields(args)); err == nil {
			t.Errorf("%s was accepted", args)
		}
	}
}

// A whole run, as short as can be, with its page and plot.
func TestRun(t *testing.T) {
	docs := t.TempDir()
	page := runFor(t, docs, "-db", "sqlite", "-work", "create,delete,read", "-mode", "default,nosync", "-trail", "2500,0", "-twice")
	for _, want := range []string{"| create one row |", "## SQLite\n", "## SQLite without waiting", "each audit table is a trail of 2500 records", "## SQLite, a trail that is empty before each turn", "## A second run", "Of 12 ratios,", "\nSQLite, a trail of 2500 records and more:\n\n| work | plugin / plain | second run |", "synchronous = FULL", "synchronous = NORMAL", "+1 |"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page has no %q:\n%s", want, page)
		}
	}
	wellFormed(t, filepath.Join(docs, "benchmarks.svg"), 3)
}

func TestRunServers(t *testing.T) {
	for k, want := range map[subject.Kind]string{subject.Postgres: "| 16 writers", subject.MySQL: "innodb_flush_log_at_trx_commit"} {
		t.Run(string(k), func(t *testing.T) {
			if env, ok := k.Server(); !ok {
				t.Skipf("%s is not set", env)
			}
			page := runFor(t, t.TempDir(), "-db", string(k), "-work", "update,writers", "-mode", "default", "-counts=false", "-trail", "100")
			if !strings.Contains(page, "| update one row by key |") || !strings.Contains(page, want) {
				t.Errorf("the page lacks a row, or %q:\n%s", want, page)
			}
		})
	}
}

// runFor runs the command for a moment and returns the page that it wrote.
func runFor(t *testing.T, docs string, args ...string) string {
	t.Helper()
	o, err := parse(append([]string{"-rounds", "1", "-slice", "1ms", "-duration", "50ms", "-dir", t.TempDir(), "-write", docs}, args...))
	if err != nil {
		t.Fatal(err)
	}
	if err := run(o); err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(filepath.Join(docs, "benchmarks.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, wrong := range []string{"NaN", "Inf", "%!", "| – | – | – |"} {
		if strings.Contains(string(page), wrong) {
			t.Errorf("the page has a %q:\n%s", wrong, page)
		}
	}
	return string(page)
}

// wellFormed checks that a plot is XML and has a bar for each of some works.
func wellFormed(t *testing.T, name string, works int) {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	bars := 0
	for d := xml.NewDecoder(f); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("the plot is not XML: %v", err)
		}
		if start, ok := token.(xml.StartElement); ok {
			for _, a := range start.Attr {
				if strings.Contains(a.Value, "NaN") || strings.Contains(a.Value, "Inf") || strings.Contains(a.Value, "ZgotmplZ") {
					t.Errorf("%s has %s=%q", start.Name.Local, a.Name.Local, a.Value)
				}
				if a.Name.Local == "class" && a.Value == "plugin" {
					bars++
				}
			}
		}
	}
	if bars != works+1 { // one is the legend's
		t.Errorf("the plot has %d bars of the plugin", bars)
	}
}

// Records of a thousand rows take memory, and plain GORM does not.
func TestMemory(t *testing.T) {
	o, err := parse([]string{"-db", "sqlite", "-work", "update1000", "-variant", "plugin", "-rounds", "1", "-dir", t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	a, err := enter(o, subject.SQLite, subject.Default, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := a.leave(); err != nil {
			t.Error(err)
		}
	}()
	w, err := work.Find("update1000")
	if err != nil {
		t.Fatal(err)
	}
	beyond, err := a.measureMemory(w)
	if err != nil {
		t.Fatal(err)
	}
	m, ok := beyond[subject.Plugin]
	if !ok || len(beyond) != 1 {
		t.Fatalf("memory of %v", beyond)
	}
	if m.heap.median < 1<<16 || m.heap.median > 1<<30 {
		t.Errorf("heap of %.0f bytes for 1,000 records", m.heap.median)
	}
	if _, err := os.Stat("/proc/self/status"); err == nil && (m.resident.median == 0 || m.resident.median > 1<<30) {
		t.Errorf("process of %.0f bytes more for 1,000 records", m.resident.median)
	}
}

func TestObeyRefuses(t *testing.T) {
	for _, text := range []string{"", "{}", `{"Kind":"sqlite","Work":"nothing"}`} {
		if err := obey(text); err == nil {
			t.Errorf("%q was obeyed", text)
		}
	}
}
