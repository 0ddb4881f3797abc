package realinput

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"sort"
	"testing"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/internal/integration/testdb"
)

// MimeType is one entry of the registry. A key that is absent there is NULL.
type MimeType struct {
	Type         string `gorm:"primaryKey"`
	Source       *string
	Charset      *string
	Compressible *bool
	Extensions   []string `gorm:"type:json;serializer:json"`
}

// entry is one change, in the form of the expected lists.
type entry struct {
	Action   string         `json:"action"`
	RecordID string         `json:"record_id"`
	Before   map[string]any `json:"before"`
	After    map[string]any `json:"after"`
}

// TestMimeDB moves the table through three releases, by every way of writing.
func TestMimeDB(t *testing.T) {
	dir := dataDir(t)
	releases := []string{"1.40.0", "1.52.0", "1.53.0"}
	testdb.Each(t, func(t *testing.T, g testdb.Target) {
		d := g.Open(t)
		ctx := audit.WithActor(context.Background(), audit.Actor{ID: "registry", Type: "service"})
		db := d.DB.WithContext(ctx)
		if err := db.AutoMigrate(&MimeType{}); err != nil {
			t.Fatal(err)
		}
		first := release(t, dir, releases[0])
		if err := db.CreateInBatches(&first, 200).Error; err != nil {
			t.Fatal(err)
		}
		if got := len(trailAfter(t, db, 0)); got != len(first) {
			t.Fatalf("loading %d types left %d records", len(first), got)
		}
		for i := 1; i < len(releases); i++ {
			mark := lastSeq(t, db)
			announced := len(d.Announced.Records())
			next := release(t, dir, releases[i])
			if err := db.Transaction(func(tx *gorm.DB) error { return move(tx, next) }); err != nil {
				t.Fatal(err)
			}
			compare(t, trailAfter(t, db, mark), expected(t, dir, releases[i-1], releases[i]))
			if got, want := len(d.Announced.Records())-announced, len(trailAfter(t, db, mark)); got != want {
				t.Errorf("%d records were announced, the table holds %d", got, want)
			}
			reality(t, db, next)
		}
	})
}

// move brings the table to next: deletes by condition, a third of the rows each by
// upsert, by Updates or Create, and by Save.
func move(tx *gorm.DB, next []MimeType) error {
	names := make([]string, len(next))
	for i, m := range next {
		names[i] = m.Type
	}
	if err := tx.Where("type NOT IN ?", names).Delete(&MimeType{}).Error; err != nil {
		return err
	}
	a, b := len(next)/3, 2*len(next)/3
	upserts := next[:a]
	if err := tx.Clauses(clause.OnConflict{UpdateAll: true}).CreateInBatches(&upserts, 150).Error; err != nil {
		return err
	}
	var created []MimeType
	for _, m := range next[a:b] {
		var there int64
		if err := tx.Model(&MimeType{}).Where("type = ?", m.Type).Count(&there).Error; err != nil {
			return err
		}
		if there == 0 {
			created = append(created, m)
			continue
		}
		// Select, so that what became NULL is written too.
		if err := tx.Model(&MimeType{Type: m.Type}).Select("*").Omit("Type").Updates(m).Error; err != nil {
			return err
		}
	}
	if len(created) > 0 {
		if err := tx.Create(&created).Error; err != nil {
			return err
		}
	}
	for _, m := range next[b:] {
		if err := tx.Save(&m).Error; err != nil {
			return err
		}
	}
	return nil
}

// compare wants the same entries, one a row.
func compare(t *testing.T, got, want []entry) {
	t.Helper()
	sort.Slice(got, func(i, j int) bool { return got[i].RecordID < got[j].RecordID })
	sort.Slice(want, func(i, j int) bool { return want[i].RecordID < want[j].RecordID })
	if len(got) != len(want) {
		t.Errorf("the trail has %d entries, expected are %d", len(got), len(want))
	}
	for i := range min(len(got), len(want)) {
		if !reflect.DeepEqual(got[i], want[i]) {
			t.Errorf("entry %d:\n got %+v\nwant %+v", i, got[i], want[i])
			return
		}
	}
}

// reality checks that the table is what the release says, so that a trail which
// agrees with the list is the trail of what happened.
func reality(t *testing.T, db *gorm.DB, want []MimeType) {
	t.Helper()
	var got []MimeType
	if err := db.Find(&got).Error; err != nil {
		t.Fatal(err)
	}
	byType := make(map[string]MimeType, len(got))
	for _, m := range got {
		byType[m.Type] = m
	}
	if len(got) != len(want) {
		t.Errorf("the table holds %d types, the release %d", len(got), len(want))
	}
	for _, m := range want {
		if !reflect.DeepEqual(byType[m.Type], m) {
			t.Errorf("%s is %+v, want %+v", m.Type, byType[m.Type], m)
			return
		}
	}
}

func lastSeq(t *testing.T, db *gorm.DB) int64 {
	t.Helper()
	var seq int64
	if err := db.Table("audit_logs").Select("MAX(seq)").Scan(&seq).Error; err != nil {
		t.Fatal(err)
	}
	return seq
}

func trailAfter(t *testing.T, db *gorm.DB, seq int64) []entry {
	t.Helper()
	var rows []struct {
		Action, RecordID string
		Before, After    *string
	}
	err := db.Table("audit_logs").Where("seq > ? AND table_name = ?", seq, "mime_types").Order("seq").Find(&rows).Error
	if err != nil {
		t.Fatal(err)
	}
	entries := make([]entry, len(rows))
	for i, r := range rows {
		entries[i] = entry{Action: r.Action, RecordID: r.RecordID, Before: decode(t, r.Before), After: decode(t, r.After)}
	}
	return entries
}

func decode(t *testing.T, text *string) map[string]any {
	t.Helper()
	if text == nil {
		return nil
	}
	var m map[string]any
	if err := json.Unmarshal([]byte(*text), &m); err != nil {
		t.Fatal(err)
	}
	return m
}

// dataDir finds the data beside the repository.
func dataDir(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.work")); err == nil {
			break
		}
		up := filepath.Dir(dir)
		if up == dir {
			t.Skip("the repository's root was not found")
		}
		dir = up
	}
	dir = filepath.Join(dir, "..", "shared", "data", "mime-db")
	if _, err := os.Stat(dir); err != nil {
		t.Skip("../shared/data/mime-db is not there")
	}
	return dir
}

func release(t *testing.T, dir, version string) []MimeType {
	t.Helper()
	var types map[string]struct {
		Source, Charset *string
		Compressible    *bool
		Extensions      []string
	}
	load(t, filepath.Join(dir, version+".json"), &types)
	out := make([]MimeType, 0, len(types))
	for name, m := range types {
		out = append(out, MimeType{Type: name, Source: m.Source, Charset: m.Charset, Compressible: m.Compressible, Extensions: m.Extensions})
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Type < out[j].Type })
	return out
}

func expected(t *testing.T, dir, from, to string) []entry {
	t.Helper()
	var entries []entry
	load(t, filepath.Join(dir, "expected-"+from+"-to-"+to+".json"), &entries)
	return entries
}

func load(t *testing.T, file string, into any) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, into); err != nil {
		t.Fatal(err)
	}
}
