package oracle

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/test/integration/summary"
	_ "github.com/mattn/go-sqlite3"
)

// verdict collects what the oracle objects to instead of failing the test.
type verdict struct {
	testing.TB
	errors []string
}

func (v *verdict) Helper() {}

func (v *verdict) Errorf(format string, args ...any) {
	v.errors = append(v.errors, fmt.Sprintf(format, args...))
}

// truth is a trail that tells exactly what the test does to the tables: all in one
// transaction.
func truth() []Entry {
	return []Entry{
		{Action: "create", RecordID: "1", After: map[string]any{"id": 1, "name": "a", "n": 1}},
		{Action: "create", RecordID: "2", After: map[string]any{"id": 2, "name": "b", "n": nil}},
		{Action: "create", Table: "parts", RecordID: "7", After: map[string]any{"id": 7, "thing_id": 2, "gone": nil}},
		{
			Action: "update", RecordID: "1", Before: map[string]any{"n": 1}, After: map[string]any{"n": 5}, Changed: []string{"n"},
			Changes: []audit.Change{{Path: "n", From: 1, To: 5}},
		},
		{
			Action: "soft_delete", Table: "parts", RecordID: "7", Before: map[string]any{"gone": nil}, After: map[string]any{"gone": "2026-01-02"},
			Changed: []string{"gone"}, Changes: []audit.Change{{Path: "gone", To: "2026-01-02"}},
		},
		{Action: "delete", RecordID: "2", Before: map[string]any{"id": 2, "name": "b", "n": nil}},
		{Action: "delete", Table: "parts", RecordID: "7", Before: map[string]any{"id": 7, "thing_id": 2, "gone": "2026-01-02"}, Cause: "2"},
	}
}

// judge makes the changes, stores a trail, and returns what the oracle objects to.
func judge(t *testing.T, trail []Entry) []string {
	t.Helper()
	db, err := sql.Open("sqlite3", filepath.Join(t.TempDir(), "oracle.db")+"?_foreign_keys=1")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	run := func(statement string, args ...any) {
		t.Helper()
		if _, err := db.Exec(statement, args...); err != nil {
			t.Fatalf("%v in %s", err, statement)
		}
	}
	run("CREATE TABLE things (id INTEGER PRIMARY KEY, name TEXT, n INT)")
	run("CREATE TABLE parts (id INTEGER PRIMARY KEY, thing_id INT REFERENCES things ON DELETE CASCADE, gone TEXT)")
	run(`CREATE TABLE audit_logs (seq INTEGER PRIMARY KEY, id, action, outcome, record_type, table_name, record_id, "before", "after",
		changed, changes, message, reason, actor_id, actor_type, actor_name, transaction_id, request_id, ip, user_agent, trace_id,
		span_id, application, cause, metadata, source)`)
	o := Watch(t, db, "sqlite", []string{"things", "parts"}, SoftDelete("parts.gone"))
	for i, statement := range []string{
		"INSERT INTO things VALUES (1, 'a', 1), (2, 'b', NULL)", "INSERT INTO parts VALUES (7, 2, NULL)",
		"UPDATE things SET n = 5 WHERE id = 1", "UPDATE things SET n = 5 WHERE id = 1", // the second changes nothing
		"UPDATE parts SET gone = '2026-01-02'", "DELETE FROM things WHERE id = 2",
	} {
		run(statement)
		time.Sleep(2 * time.Millisecond) // SQLite tells statements apart by the millisecond
		if err := o.Mark(db, Call{Number: i + 1}); err != nil {
			t.Fatal(err)
		}
	}
	calls := map[string]int{"create": 1, "create parts": 2, "update": 3, "soft_delete parts": 5, "delete": 6, "delete parts": 6}
	for i, e := range trail {
		call := e.Metadata[CallKey]
		if call == nil {
			call = calls[strings.TrimSpace(e.Action+" "+e.Table)]
		}
		if e.Table == "" {
			e.Table = "things"
		}
		run(`INSERT INTO audit_logs (id, action, table_name, record_id, "before", "after", changed, changes, transaction_id, cause, metadata)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'tx', ?, ?)`, fmt.Sprintf("%036d", i), e.Action, e.Table, e.RecordID,
			encode(t, e.Before), encode(t, e.After), encode(t, e.Changed), encode(t, e.Changes), e.Cause, encode(t, map[string]any{CallKey: call}))
	}
	v := &verdict{TB: t}
	o.Check(v, nil)
	return v.errors
}

func TestCheckAcceptsTheTruth(t *testing.T) {
	if errors := judge(t, truth()); len(errors) > 0 {
		t.Errorf("the oracle objects to the truth: %s", strings.Join(errors, "\n"))
	}
}

func TestCheckFindsLies(t *testing.T) {
	type trail = []Entry
	lies := map[string]func(trail trail) []Entry{
		"nothing":            func(trail) []Entry { return nil },
		"record missing":     func(all trail) []Entry { return slices.Delete(all, 3, 4) },
		"record twice":       func(all trail) []Entry { return append(all, all[6]) },
		"unchanged row":      func(all trail) []Entry { return slices.Insert(all, 3, all[3]) },
		"wrong action":       func(all trail) []Entry { all[5].Action = "update"; return all },
		"plain update":       func(all trail) []Entry { all[4].Action = "update"; return all },
		"wrong key":          func(all trail) []Entry { all[3].RecordID = "2"; return all },
		"wrong table":        func(all trail) []Entry { all[2].Table = "things"; return all },
		"wrong before":       func(all trail) []Entry { all[3].Before["n"] = 2; return all },
		"wrong after":        func(all trail) []Entry { all[3].After["n"] = 6; return all },
		"column missing":     func(all trail) []Entry { delete(all[0].After, "name"); return all },
		"column too many":    func(all trail) []Entry { all[0].After["extra"] = 1; return all },
		"unchanged column":   func(all trail) []Entry { all[3].Before["name"], all[3].After["name"] = "a", "a"; return all },
		"nil for zero":       func(all trail) []Entry { all[1].After["n"] = 0; return all },
		"order of a row":     func(all trail) []Entry { all[0], all[3] = all[3], all[0]; return all },
		"order of two rows":  func(all trail) []Entry { all[1], all[3] = all[3], all[1]; return all },
		"order of tables":    func(all trail) []Entry { all[2], all[3] = all[3], all[2]; return all },
		"changed is missing": func(all trail) []Entry { all[3].Changed = nil; return all },
		"path is missing":    func(all trail) []Entry { all[3].Changes = nil; return all },
		"wrong path value":   func(all trail) []Entry { all[3].Changes[0].To = 6; return all },
		"cascade missing":    func(all trail) []Entry { return all[:6] },
		"parent missing":     func(all trail) []Entry { return slices.Delete(all, 5, 6) },
		"wrong call":         func(all trail) []Entry { all[3].Metadata = map[string]any{CallKey: 4}; return all },
	}
	for name, lie := range lies {
		t.Run(name, func(t *testing.T) {
			if len(judge(t, lie(truth()))) == 0 {
				t.Error("the oracle believes it")
			}
		})
	}
	summary.Add(t, "sqlite", summary.Counts{summary.FalseTrailsCaught: int64(len(lies))})
}

// batch is what an emitter would have been told of the entries.
func batch(transaction string, ids ...string) []audit.Record {
	var records []audit.Record
	for _, id := range ids {
		records = append(records, audit.Record{ID: id, TransactionID: transaction, Action: "create"})
	}
	return records
}

// readBack is a batch of one record that was read from the table.
func readBack(seq int64, id string) []audit.Record {
	records := batch("a", id)
	records[0].Seq = seq
	return records
}

func TestCheckAnnouncedFindsLies(t *testing.T) {
	trail := []Entry{
		{Seq: 1, ID: "1", TransactionID: "a", Action: "create"},
		{Seq: 2, ID: "2", TransactionID: "a", Action: "create"},
		{Seq: 3, ID: "3", TransactionID: "b", Action: "create"},
	}
	cases := map[string][][]audit.Record{
		"truth":             {batch("a", "1", "2"), batch("b", "3")},
		"truth, read back":  {readBack(1, "1"), readBack(2, "2"), batch("b", "3")},
		"read back, turned": {readBack(2, "2"), readBack(1, "1"), batch("b", "3")},
		"record missing":    {batch("a", "1"), batch("b", "3")},
		"batch missing":     {batch("a", "1", "2")},
		"record twice":      {batch("a", "1", "2", "2"), batch("b", "3")},
		"unknown record":    {batch("a", "1", "2"), batch("b", "3", "4")},
		"wrong order":       {batch("a", "2", "1"), batch("b", "3")},
		"transaction twice": {batch("a", "1"), batch("a", "2"), batch("b", "3")},
		"mixed":             {append(batch("a", "1", "2"), batch("b", "3")...)},
		"wrong transaction": {batch("a", "1", "2"), batch("c", "3")},
		"empty batch":       {batch("a", "1", "2"), {}, batch("b", "3")},
	}
	for name, batches := range cases {
		v := &verdict{TB: t}
		CheckAnnounced(v, trail, batches)
		if (len(v.errors) == 0) != strings.HasPrefix(name, "truth") {
			t.Errorf("%s: %q", name, v.errors)
		}
	}
	summary.Add(t, "sqlite", summary.Counts{summary.FalseTrailsCaught: int64(len(cases) - 2)})
}

func encode(t *testing.T, v any) any {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	if string(text) == "null" {
		return nil
	}
	return string(text)
}
