package work_test

import (
	"testing"

	"github.com/gorm-audit/auditplugin/test/benchmarks/subject"
	"github.com/gorm-audit/auditplugin/test/benchmarks/work"
)

// An operation changes as many rows as it says, every time: one that found its rows
// changed already would be measured for nothing.
func TestWorksWriteWhatTheySay(t *testing.T) {
	place, err := subject.NewPlace(subject.SQLite, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	s, err := place.Open(subject.Trigger, subject.Default, true, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	next := 0
	for _, w := range work.All() {
		times := 3
		if w.Big {
			times = 1
		}
		if w.Before != nil {
			if err := w.Before(s, next, times); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := s.Pool().Exec("DELETE FROM trigger_audit_logs"); err != nil {
			t.Fatal(err)
		}
		for range times {
			if err := w.Do(s.DB, next); err != nil {
				t.Fatalf("%s: %v", w.Name, err)
			}
			next++
		}
		var got int
		if err := s.Pool().QueryRow("SELECT COUNT(*) FROM trigger_audit_logs WHERE before IS NOT after").Scan(&got); err != nil {
			t.Fatal(err)
		}
		want := times * w.Writes
		if w.Name == "unaudited" {
			want = 0
		}
		if got != want {
			t.Errorf("%s: %d rows changed by %d operations, want %d", w.Name, got, times, want)
		}
		if err := s.Restore(want); err != nil {
			t.Fatal(err)
		}
	}
}

func TestFind(t *testing.T) {
	seen := map[string]bool{}
	for _, w := range work.All() {
		if found, err := work.Find(w.Name); err != nil || found.Title != w.Title || seen[w.Name] {
			t.Errorf("%s: found %q, %v", w.Name, found.Title, err)
		}
		seen[w.Name] = true
	}
	if _, err := work.Find("nothing"); err == nil {
		t.Error("nothing was found")
	}
}
