package integration

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/gorm-audit/auditplugin/test/integration/oracle"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// MimeType is a row of the mime-db registry; a key that is absent there is NULL.
type MimeType struct {
	Type         string   `gorm:"primaryKey;size:150" json:"-"`
	Source       *string  `gorm:"size:40" json:"source"`
	Charset      *string  `gorm:"size:40" json:"charset"`
	Compressible *bool    `json:"compressible"`
	Extensions   []string `gorm:"serializer:json;type:json" json:"extensions"`
}

// mimeData finds the releases beside the repository, or skips.
func mimeData(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		data := filepath.Join(dir, "..", "shared", "data", "mime-db")
		if _, err := os.Stat(filepath.Join(dir, "go.work")); err == nil {
			if _, err := os.Stat(data); err != nil {
				t.Skip("the releases of mime-db are not in ../shared/data")
			}
			return data
		}
		if filepath.Dir(dir) == dir {
			t.Skip("the repository's root was not found")
		}
		dir = filepath.Dir(dir)
	}
}

func readJSON(t *testing.T, file string, into any) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, into); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
}

func release(t *testing.T, dir, version string) map[string]MimeType {
	t.Helper()
	all := map[string]MimeType{}
	readJSON(t, filepath.Join(dir, version+".json"), &all)
	for name, m := range all {
		m.Type = name
		all[name] = m
	}
	return all
}

// mimeEntry is an entry of the expected lists.
type mimeEntry struct {
	Action   string         `json:"action"`
	RecordID string         `json:"record_id"`
	Before   map[string]any `json:"before"`
	After    map[string]any `json:"after"`
}

func TestMimeDB(t *testing.T) {
	dir := mimeData(t)
	steps := []string{"1.40.0", "1.52.0", "1.53.0"}
	scene{models: []any{&MimeType{}}}.capture(t, func(s *stage) {
		first := slices.Collect(maps.Values(release(s.T, dir, steps[0])))
		s.ok(s.db.CreateInBatches(&first, 200))
		if n := len(s.trail()); n != len(first) {
			s.Errorf("%d records for %d rows", n, len(first))
		}
		for i := 1; i < len(steps); i++ {
			before := len(s.trail())
			s.move(release(s.T, dir, steps[i-1]), release(s.T, dir, steps[i]))
			var want []mimeEntry
			readJSON(s.T, filepath.Join(dir, "expected-"+steps[i-1]+"-to-"+steps[i]+".json"), &want)
			s.sameEntries(s.trail()[before:], want)
		}
	})
}

// move brings the table from one release to the next in one transaction: a third of
// the types by upserts that name unchanged rows too, the rest by creates, updates
// and deletes.
func (s *stage) move(from, to map[string]MimeType) {
	s.Helper()
	s.try(s.db.Transaction(func(tx *gorm.DB) error {
		var upserts, creates []MimeType
		for i, name := range slices.Sorted(maps.Keys(to)) {
			old, there := from[name]
			row := to[name]
			switch {
			case i%3 == 0:
				upserts = append(upserts, row)
			case !there:
				creates = append(creates, row)
			case !sameMime(old, row) && i%3 == 1:
				s.ok(tx.Model(&MimeType{Type: name}).Select("*").Omit("Type").Updates(row))
			case !sameMime(old, row):
				s.ok(tx.Save(&row))
			}
		}
		s.ok(tx.Clauses(clause.OnConflict{UpdateAll: true}).CreateInBatches(&upserts, 100))
		s.ok(tx.CreateInBatches(&creates, 50))
		var gone []string
		for _, name := range slices.Sorted(maps.Keys(from)) {
			if _, ok := to[name]; !ok {
				gone = append(gone, name)
			}
		}
		if len(gone) > 0 {
			s.ok(tx.Where("type IN ?", gone).Delete(&MimeType{}))
		}
		return nil
	}))
}

func sameMime(a, b MimeType) bool {
	x, errA := json.Marshal(a)
	y, errB := json.Marshal(b)
	return errA == nil && errB == nil && string(x) == string(y)
}

// sameEntries compares the trail with a list of changes that was made elsewhere.
func (s *stage) sameEntries(trail []oracle.Entry, want []mimeEntry) {
	s.Helper()
	got := map[string]oracle.Entry{}
	for _, e := range trail {
		if _, twice := got[e.RecordID]; twice {
			s.Errorf("%s has two records", e.RecordID)
		}
		got[e.RecordID] = e
	}
	if len(got) != len(want) || len(want) == 0 {
		s.Errorf("%d entries, want %d", len(got), len(want))
	}
	for _, w := range want {
		e, ok := got[w.RecordID]
		if !ok {
			s.Errorf("no entry for %s of %s", w.Action, w.RecordID)
			continue
		}
		if e.Action != w.Action || !sameValues(e.Before, w.Before) || !sameValues(e.After, w.After) {
			s.Errorf("the entry for %s is\n  %s %v -> %v, want\n  %s %v -> %v",
				w.RecordID, e.Action, e.Before, e.After, w.Action, w.Before, w.After)
		}
	}
}

func sameValues(a, b map[string]any) bool {
	if len(a) != len(b) {
		return false
	}
	for name, value := range a {
		other, ok := b[name]
		if !ok || !oracle.Equal(value, other) {
			return false
		}
	}
	return true
}
