package dialect

import (
	"strings"
	"testing"
	"time"
)

// What code relies on where a database has tables of ours.
func TestFactsOfKnownDatabases(t *testing.T) {
	for _, name := range []string{SQLite, Postgres, MySQL} {
		f := FactsOf(name)
		if !Known(name) {
			t.Errorf("%s is not known", name)
		}
		for what, text := range map[string]string{
			"Identity": f.Identity, "Short": f.Short, "Long": f.Long, "Moment": f.Moment, "Document": f.Document, "Now": f.Now,
			"ColumnsQuery": f.ColumnsQuery, "InsertInto": f.InsertInto, "UnlessThere": f.UnlessThere, "ObjectFunction": f.ObjectFunction,
			"AddNumber": f.AddNumber("now"), "schema": f.SchemaQuery + f.Schema,
		} {
			if text == "" {
				t.Errorf("%s has no %s", name, what)
			}
		}
		for what, text := range map[string]string{"ObjectColumn": f.ObjectColumn, "MomentText": f.MomentText} {
			if strings.Count(text, "%s") != 1 {
				t.Errorf("%s: %s is %q", name, what, text)
			}
		}
		ways := 0
		for _, way := range []string{f.TransactionLock, f.SessionLock, f.BeginWriting} {
			if way != "" {
				ways++
			}
		}
		if ways != 1 || (f.SessionLock == "") != (f.SessionUnlock == "") {
			t.Errorf("%s has %d ways to create tables one after the other", name, ways)
		}
		at := time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC)
		if text := at.Format(f.MomentLayout); !strings.HasPrefix(text, "2026-01-02 03:04:05.000006") {
			t.Errorf("%s: a moment is %q", name, text)
		}
	}
	if f := FactsOf("other"); Known("other") || f.Quote("a") != `"a"` || f.Placeholder(2) != "?" || f.Read("x", "FLOAT") != "x" || f.MostRows == 0 {
		t.Error("an unknown dialect is not standard SQL")
	}
}

func TestInsertNew(t *testing.T) {
	for name, want := range map[string]string{
		SQLite:   "INSERT INTO t (a) VALUES (?) ON CONFLICT (a) DO NOTHING",
		Postgres: "INSERT INTO t (a) VALUES (?) ON CONFLICT (a) DO NOTHING",
		MySQL:    "INSERT IGNORE INTO t (a) VALUES (?)",
	} {
		if got := FactsOf(name).InsertNew("t", "a", "(a) VALUES (?)"); got != want {
			t.Errorf("%s: %s", name, got)
		}
	}
}
