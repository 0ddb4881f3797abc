package oracle

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

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

// truth is a trail that tells exactly what the test does to the table.
func truth() []Entry {
	return []Entry{
		{Action: "create", RecordID: "1", After: map[string]any{"id": 1, "name": "a", "n": 1}},
		{Action: "create", RecordID: "2", After: map[string]any{"id": 2, "name": "b", "n": nil}},
		{Action: "update", RecordID: "1", Before: map[string]any{"n": 1}, After: map[string]any{"n": 5}, Changed: []string{"n"}},
		{Action: "delete", RecordID: "2", Before: map[string]any{"id": 2, "name": "b", "n": nil}},
	}
}

func judge(t *testing.T, trail []Entry) []string {
	t.Helper()
	db, err := sql.Open("sqlite3", filepath.Join(t.TempDir(), "oracle.db"))
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
	run(`CREATE TABLE audit_logs (seq INTEGER PRIMARY KEY, id, action, outcome, record_type, table_name, record_id, "before", "after",
		changed, changes, message, reason, actor_id, actor_type, actor_name, transaction_id, request_id, ip, user_agent, trace_id,
		span_id, application, cause, metadata, source)`)
	o := Watch(t, db, "sqlite", []string{"things"})
	run("INSERT INTO things VALUES (1, 'a', 1), (2, 'b', NULL)")
	run("UPDATE things SET n = 5 WHERE id = 1")
	run("UPDATE things SET n = 5 WHERE id = 1") // changes nothing
	run("DELETE FROM things WHERE id = 2")
	for i, e := range trail {
		run(`INSERT INTO audit_logs (id, action, table_name, record_id, "before", "after", changed) VALUES (?, ?, 'things', ?, ?, ?, ?)`,
			fmt.Sprintf("%036d", i), e.Action, e.RecordID, encode(t, e.Before), encode(t, e.After), encode(t, e.Changed))
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
	lies := map[string]func(trail []Entry) []Entry{
		"nothing":            func([]Entry) []Entry { return nil },
		"record missing":     func(trail []Entry) []Entry { return append(trail[:2], trail[3]) },
		"record twice":       func(trail []Entry) []Entry { return append(trail, trail[3]) },
		"unchanged row":      func(trail []Entry) []Entry { return append(trail[:3], trail[2], trail[3]) },
		"wrong action":       func(trail []Entry) []Entry { trail[3].Action = "update"; return trail },
		"wrong key":          func(trail []Entry) []Entry { trail[2].RecordID = "2"; return trail },
		"wrong before":       func(trail []Entry) []Entry { trail[2].Before["n"] = 2; return trail },
		"wrong after":        func(trail []Entry) []Entry { trail[2].After["n"] = 6; return trail },
		"column missing":     func(trail []Entry) []Entry { delete(trail[0].After, "name"); return trail },
		"column too many":    func(trail []Entry) []Entry { trail[0].After["extra"] = 1; return trail },
		"unchanged column":   func(trail []Entry) []Entry { trail[2].Before["name"], trail[2].After["name"] = "a", "a"; return trail },
		"nil for zero":       func(trail []Entry) []Entry { trail[1].After["n"] = 0; return trail },
		"wrong order":        func(trail []Entry) []Entry { trail[0], trail[2] = trail[2], trail[0]; return trail },
		"changed is missing": func(trail []Entry) []Entry { trail[2].Changed = nil; return trail },
	}
	for name, lie := range lies {
		t.Run(name, func(t *testing.T) {
			if len(judge(t, lie(truth()))) == 0 {
				t.Error("the oracle believes it")
			}
		})
	}
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
