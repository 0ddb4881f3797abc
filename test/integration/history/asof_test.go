package history_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/history"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
	"gorm.io/datatypes"
	"gorm.io/gorm"
)

var quiet = auditplugin.WithLogger(slog.New(slog.NewTextHandler(io.Discard, nil)))

// exhibit has types whose values drivers give in ways of their own.
type exhibit struct {
	ID      uuid.UUID `gorm:"primaryKey;type:char(36)"`
	Label   string    `gorm:"size:80"`
	Amount  string    `gorm:"type:decimal(12,4)"`
	Doc     datatypes.JSON
	Set     datatypes.JSONSlice[string]
	Map     datatypes.JSONMap
	Born    datatypes.Date
	Opens   datatypes.Time
	Made    time.Time
	Seen    *time.Time
	Epoch   int64 `gorm:"serializer:unixtime;type:timestamp"`
	Blob    []byte
	Gob     []int `gorm:"serializer:gob;type:bytes"`
	Flag    *bool
	Tiny    int8
	Wide    uint64
	Ratio   float32
	Digest  string `gorm:"size:80" audit:"hash"`
	Updated int64  `gorm:"autoUpdateTime:milli"`
	Loaded  string `gorm:"-"`
}

// AfterFind shows that the hook runs.
func (e *exhibit) AfterFind(*gorm.DB) error {
	e.Loaded = "label " + e.Label
	return nil
}

func newExhibit() exhibit {
	seen, flag := time.Date(2025, 7, 1, 12, 0, 0, 123456000, time.FixedZone("", 3*3600)), true
	return exhibit{
		ID: uuid.MustParse("0b5a3c9e-5f3c-4c5e-8a3a-0123456789ab"), Label: "first", Amount: "12.3456",
		Doc: datatypes.JSON(`{"a":[1,{"b":null}]}`), Set: datatypes.JSONSlice[string]{"x", "y"}, Map: datatypes.JSONMap{"k": "v"},
		Born: datatypes.Date(time.Date(2000, 2, 29, 0, 0, 0, 0, time.UTC)), Opens: datatypes.NewTime(9, 30, 0, 0),
		Made: time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC), Seen: &seen, Epoch: 1700000000,
		Blob: []byte{0, 1, 0xfe}, Gob: []int{1, 2}, Flag: &flag, Tiny: -7, Wide: 1 << 40, Ratio: 0.1, Digest: "same",
	}
}

func exhibitColumns() map[string]any {
	other := newExhibit()
	return map[string]any{
		"label": "second", "amount": "99.5001", "doc": datatypes.JSON(`{"z":1}`), "set": datatypes.JSONSlice[string]{}, "map": datatypes.JSONMap{},
		"born": datatypes.Date(time.Date(1999, 1, 1, 0, 0, 0, 0, time.UTC)), "opens": datatypes.NewTime(23, 59, 59, 0),
		"made": other.Made.AddDate(1, 0, 0), "seen": nil, "blob": []byte{}, "flag": nil, "tiny": 1, "wide": uint64(3), "ratio": float32(7.5),
	}
}

// What AsOf gives is what GORM had loaded, to the bit and to the time zone.
func TestAsOfTypes(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		for _, zone := range []string{"", "Asia/Kolkata"} {
			if zone != "" && g.Dialect != testdb.MySQL {
				continue // only there a setting of the driver moves times
			}
			db := openIn(t, g, zone)
			ctx := context.Background()
			e := newExhibit()
			must(t, db.Create(&e).Error)
			created, err := history.Of(db.DB, &e).First(ctx)
			must(t, err)
			var was exhibit
			must(t, db.First(&was, "id = ?", e.ID).Error)
			must(t, db.Model(&exhibit{ID: e.ID}).Updates(exhibitColumns()).Error)
			changed, err := history.Of(db.DB, &e).Newest().First(ctx)
			must(t, err)
			var is exhibit
			must(t, db.First(&is, "id = ?", e.ID).Error)
			check := func(when string, at history.Moment, want exhibit) {
				t.Helper()
				got := exhibit{ID: e.ID}
				var gaps history.Gaps
				must(t, history.AsOf(ctx, db.DB, &got, at, history.Partial(&gaps)))
				if when == "gone" {
					want.Digest = ""
				}
				for i := range reflect.TypeFor[exhibit]().NumField() {
					name := reflect.TypeFor[exhibit]().Field(i).Name
					a, b := reflect.ValueOf(got).Field(i).Interface(), reflect.ValueOf(want).Field(i).Interface()
					if name == "Seen" && g.Dialect == testdb.SQLite && sameValue(a, b) {
						continue // SQLite keeps the zone in which it was written, records do not
					}
					if !reflect.DeepEqual(a, b) && !sameDocument(name, a, b) {
						t.Errorf("%s %s: %s is %#v, GORM had loaded %#v", zone, when, name, a, b)
					}
				}
			}
			check("present", history.After(created), was)
			check("present", history.After(changed), is)
			must(t, db.Delete(&exhibit{ID: e.ID}).Error)
			check("gone", history.After(created), was)
			check("gone", history.After(changed), is)
			got := exhibit{ID: e.ID}
			if err := history.AsOf(ctx, db.DB, &got, history.After(changed)); !errors.Is(err, history.ErrRedacted) || !strings.Contains(err.Error(), "digest") {
				t.Errorf("a hashed column of a row that is gone: %v", err)
			}
		}
	})
}

// sameDocument: JSON is kept by meaning.
func sameDocument(name string, a, b any) bool {
	if name != "Doc" {
		return false
	}
	squeeze := func(v any) string { return strings.ReplaceAll(string(v.(datatypes.JSON)), " ", "") }
	return squeeze(a) == squeeze(b)
}

func openIn(t *testing.T, g testdb.Target, zone string) *testdb.DB {
	t.Helper()
	key := testdb.WithPlugin(auditplugin.WithHashKey([]byte("0123456789abcdef")))
	migrate := testdb.Before(func(db *gorm.DB) error { return db.Session(&gorm.Session{NewDB: true}).AutoMigrate(&exhibit{}) })
	if zone == "" {
		return g.Open(t, key, migrate)
	}
	plain := g.Open(t, testdb.WithoutPlugin())
	return g.Open(t, key, migrate, testdb.In(plain.DSN+"&loc="+url.QueryEscape(zone)))
}

// One connection, prepared statements, and the middle of a transaction.
func TestAsOfModes(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		db := g.Open(t, testdb.WithMaxOpen(1), testdb.WithGORM(func(c *gorm.Config) { c.PrepareStmt = true }),
			testdb.Before(func(db *gorm.DB) error {
				return db.Session(&gorm.Session{NewDB: true}).AutoMigrate(&parcel{}, &pairing{})
			}))
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		tx := db.WithContext(ctx).Begin()
		defer tx.Rollback()
		p := parcel{Name: "a"}
		must(t, tx.Create(&p).Error)
		must(t, tx.Model(&p).Update("name", "b").Error)
		records, err := history.Of(tx, &p).Find(ctx)
		must(t, err)
		got := parcel{ID: p.ID}
		must(t, history.AsOf(ctx, tx, &got, history.After(records[0])))
		if got.Name != "a" {
			t.Errorf("inside its transaction: %+v", got)
		}
		var names []string
		for v, err := range history.Versions(ctx, tx, &p) {
			must(t, err)
			names = append(names, v.Row.Name)
			must(t, tx.Exec("SELECT 1").Error) // on the same connection
		}
		if !slices.Equal(names, []string{"a", "b"}) {
			t.Errorf("versions: %v", names)
		}
		for row, err := range history.AsOfAll[parcel](ctx, tx, history.After(records[0])) {
			must(t, err)
			must(t, tx.Model(&row).Update("name", "c").Error)
		}
		if _, err := history.Blame(ctx, tx, &p); err != nil {
			t.Errorf("blame: %v", err)
		}
		if _, err := history.Diff(ctx, tx, &p, history.After(records[0]), time.Now()); err != nil {
			t.Errorf("diff: %v", err)
		}
		if _, err := history.RevertTo(ctx, tx, &p, history.After(records[0])); err != nil {
			t.Errorf("revert: %v", err)
		}
		must(t, tx.Commit().Error)
		must(t, db.First(&got, p.ID).Error)
		if got.Name != "a" {
			t.Errorf("committed: %+v", got)
		}
	})
}

// The present row and its records are not read at one moment: what is changed in
// between must not show.
func TestAsOfWhileOthersWrite(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		db := g.Open(t, testdb.Before(func(db *gorm.DB) error { return db.Session(&gorm.Session{NewDB: true}).AutoMigrate(&pairing{}) }))
		ctx, cancel := context.WithCancel(audit.WithActor(context.Background(), audit.Actor{ID: "w"}))
		p := pairing{A: "x", B: 1, Val: "start", N: 0}
		must(t, db.Create(&p).Error)
		created, err := history.Of(db.DB, &p).First(ctx)
		must(t, err)
		done := make(chan struct{})
		go func() {
			defer close(done)
			for n := 1; ctx.Err() == nil; n++ {
				if err := db.Model(&pairing{A: "x", B: 1}).Updates(map[string]any{"n": n, "val": "later"}).Error; err != nil {
					t.Errorf("a writer: %v", err)
					return
				}
				time.Sleep(time.Millisecond)
			}
		}()
		for range 30 {
			got := pairing{A: "x", B: 1}
			must(t, history.AsOf(context.Background(), db.DB, &got, history.After(created)))
			if got != p {
				t.Fatalf("got %+v", got)
			}
		}
		cancel()
		<-done
	})
}
