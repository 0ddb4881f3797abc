package record

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"gorm.io/gorm/schema"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/internal/catalog"
	"github.com/gorm-audit/auditplugin/internal/change"
	"github.com/gorm-audit/auditplugin/internal/dialect"
	"github.com/gorm-audit/auditplugin/internal/entry"
	"github.com/gorm-audit/auditplugin/internal/redact"
	"github.com/gorm-audit/auditplugin/internal/table"
	"github.com/gorm-audit/auditplugin/internal/values"
)

// everything has a column for each way in which a value is shown.
type everything struct {
	ID        string `gorm:"primaryKey"`
	Part      int    `gorm:"primaryKey"`
	Plain     string
	Other     any    `gorm:"type:text"`
	Gone      string `audit:"-"`
	Masked    string `audit:"mask"`
	Tail      string `audit:"mask=4"`
	Hashed    string `audit:"hash"`
	Password  string
	Document  guarded        `gorm:"serializer:json"`
	Free      map[string]any `gorm:"serializer:json"`
	Dotted    string         `gorm:"column:plain.x"`
	Broken    string         `gorm:"column:br\xffoken"`
	UpdatedAt time.Time
	DeletedAt *time.Time
}

type guarded struct {
	Label  string
	Masked string    `audit:"mask" json:"masked"`
	Gone   string    `audit:"-" json:"gone"`
	Hashed string    `audit:"hash" json:"hashed"`
	Deeper []guarded `gorm:"-" json:"deeper,omitempty"`
}

// renderer is what a test renders with.
type renderer struct {
	Differ
	columnLimit int
}

// rendering is a table that no database stands behind.
func rendering(t testing.TB, keys ...string) (*renderer, *table.Table) {
	t.Helper()
	s, err := schema.Parse(&everything{}, &sync.Map{}, schema.NamingStrategy{})
	if err != nil {
		t.Fatal(err)
	}
	plan, err := redact.ForSchema(s, redact.Config{HashKey: []byte(strings.Repeat("k", 32))})
	if err != nil {
		t.Fatal(err)
	}
	m := &table.Model{
		Table: s.Table, RecordType: "every\xffthing", Plan: plan,
		Timestamps: map[string]bool{"updated_at": true}, SoftDelete: []values.SoftDelete{{Column: "deleted_at"}},
	}
	described := &catalog.Table{Kind: catalog.Plain, PrimaryKey: keys}
	for _, name := range s.DBNames {
		described.Columns = append(described.Columns, catalog.Column{Name: name, Selectable: true})
	}
	tbl := table.New(dialect.Of(catalog.Server{Dialect: dialect.SQLite}), m, described, table.Name{Name: s.Table, Alias: s.Table, Simple: true})
	return &renderer{Differ: Differ{Limit: 300}, columnLimit: entry.MaxImage}, tbl
}

// sameEntry compares the two renderings of a change, and returns the entry; nil for none.
func sameEntry(t testing.TB, p *renderer, base audit.Record, ch change.Change) *entry.Entry {
	t.Helper()
	var d Difference
	ok, err := p.Decide(&ch, &d)
	composers := &Composers{}
	c := composers.Get(p.Limit, p.columnLimit, &base, 1)
	defer composers.Put(c)
	for range 2 { // what is left of the first must not show in the second
		gotOK, gotErr := p.Decide(&ch, &c.Difference)
		if gotOK != ok || (gotErr == nil) != (err == nil) {
			t.Fatalf("an entry: %v, %v; a record: %v, %v", gotOK, gotErr, ok, err)
		}
		if ok && err == nil {
			c.Compose()
		}
	}
	if !ok || err != nil {
		return nil
	}
	got, record := c.Entries[1], p.Limit.Of(&base, &d)
	converter := entry.Converter{Limit: p.columnLimit}
	want := converter.Entry(&record, converter.Encoder().Images(&record))
	for at := range entry.Columns {
		if got.Text(at) != want.Text(at) {
			t.Fatalf("column %d:\n%.2000q\nwant\n%.2000q", at, got.Text(at), want.Text(at))
		}
	}
	if !got.Shared.Time.Equal(want.Shared.Time) || got.Shared.Version != want.Shared.Version || got.Size() != want.Size() {
		t.Fatalf("%+v, want %+v", got.Shared, want.Shared)
	}
	g, w := got.About(), want.About()
	if g.Action != w.Action || g.RecordType != w.RecordType || g.Table != w.Table || g.RecordID != w.RecordID || g.Source != w.Source || g.TransactionID != w.TransactionID {
		t.Fatalf("is about %+v, want %+v", g, w)
	}
	return &got
}

func sharedBase() audit.Record {
	return audit.Record{
		Time: time.Date(2024, 5, 6, 7, 8, 9, 10, time.UTC), Outcome: audit.Success, SchemaVersion: audit.SchemaVersion, Message: strings.Repeat("m", 5000),
		Reason: "re\xffason", Actor: audit.Actor{ID: "42", Name: "A\x00da"}, TransactionID: "tx", UserAgent: strings.Repeat("é", 600),
		Metadata: map[string]any{"b": 1, "a": []string{"x"}}, Source: audit.Source{File: "f.go", Line: 3}, Cause: strings.Repeat("c", 300),
	}
}

// samples are values as images hold them.
func samples() []any {
	deep := any("bottom")
	for range 30 {
		deep = []any{map[string]any{"in": deep}}
	}
	wide := map[string]any{}
	for i := range 40 {
		wide[fmt.Sprint("key", i)] = json.Number(fmt.Sprint(i))
	}
	return []any{
		nil, true, false, int64(0), int64(-5), int64(math.MaxInt64), uint64(math.MaxUint64), 0.1, 1e300, math.NaN(), math.Inf(1), math.Inf(-1),
		"", "text", "4111 1111 1111 1111", "quo\"te\\ \x00\xff\u2028\n", strings.Repeat("long", 200),
		[]byte{},
		[]byte{0, 255},
		[]byte(strings.Repeat("b", 500)),
		time.Date(2020, 1, 2, 3, 4, 5, 6, time.UTC),
		time.Time{},
		json.Number("1.50"), json.Number("1e999"),
		map[string]any{},
		[]any{},
		map[string]any{"label": "l", "masked": "m", "gone": "g", "hashed": "h", "password": "p", "free": "f"},
		map[string]any{"masked": "other", "gone": "other", "deeper": []any{map[string]any{"masked": "x", "Label": "y"}}, "a.b": nil},
		map[string]any{"gone": "only"},
		map[string]any{"gone": "only this"},
		[]any{"x", json.Number("1"), nil},
		[]any{"x"},
		deep, wide,
		map[string]any{"br\xffoken": "x\xff", "br\xfeoken": strings.Repeat("y", 400)},
	}
}

func TestEntriesAreRecords(t *testing.T) {
	for i, keys := range [][]string{{"id", "part"}, {"id"}, {"part"}, {"masked"}, {"hashed"}, nil} {
		p, tgt := rendering(t, keys...)
		p.columnLimit = []int{entry.MaxImage, 700, 90}[i%3]
		p.SkipTimestamps = i >= 3
		all := samples()
		for i := range all {
			before, after := make(table.Image, len(tgt.Columns)), make(table.Image, len(tgt.Columns))
			for n := range tgt.Columns {
				before[n], after[n] = all[(i+n)%len(all)], all[(i+n)%len(all)]
			}
			for n := range tgt.Columns {
				// One column differs, then more and more.
				after[n] = all[(i*7+n*3+1)%len(all)]
				sameEntry(t, p, sharedBase(), change.Change{Table: tgt, Before: before, After: after, ID: "id", Cause: "cause"})
				one := append(table.Image(nil), before...)
				one[n] = after[n]
				sameEntry(t, p, sharedBase(), change.Change{Table: tgt, Before: before, After: one, ID: "id"})
			}
			sameEntry(t, p, sharedBase(), change.Change{Table: tgt, After: after, ID: "id"})
			sameEntry(t, p, sharedBase(), change.Change{Table: tgt, Before: before, ID: "id"})
			sameEntry(t, p, sharedBase(), change.Change{Table: tgt, Before: before, After: before, ID: "id"})
		}
	}
}

// An image may be larger than a column, and than anything.
func TestEntriesOfLargeImages(t *testing.T) {
	p, tgt := rendering(t, "id")
	p.Limit = 0
	before, after := make(table.Image, len(tgt.Columns)), make(table.Image, len(tgt.Columns))
	for n, size := range []int{3, 1 << 10, 1 << 20, 5 << 20, 4 << 20, 8<<20 - 20, 9 << 20} {
		before[n+2], after[n+2] = strings.Repeat("x", size), strings.Repeat("\"", size)
	}
	for _, limit := range []int{entry.MaxImage, 2 << 20, 500} {
		p.columnLimit = limit
		sameEntry(t, p, sharedBase(), change.Change{Table: tgt, Before: before, After: after, ID: "id"})
		sameEntry(t, p, sharedBase(), change.Change{Table: tgt, After: after, ID: "id"})
		sameEntry(t, p, sharedBase(), change.Change{Table: tgt, Before: before, ID: "id"})
	}
	// The sizes around the limit, to the byte.
	for size := 150; size < 260; size++ {
		p.columnLimit = 200
		img := make(table.Image, len(tgt.Columns))
		img[tgt.Index["plain"]] = strings.Repeat("x", size)
		sameEntry(t, p, sharedBase(), change.Change{Table: tgt, After: img, ID: "id"})
		sameEntry(t, p, sharedBase(), change.Change{Table: tgt, Before: make(table.Image, len(img)), After: img, ID: "id"})
	}
}

func FuzzEntriesAreRecords(f *testing.F) {
	for i := range uint64(50) {
		f.Add(i, "text \x00", 300)
	}
	f.Fuzz(func(t *testing.T, seed uint64, text string, limit int) {
		p, tgt := rendering(t, "id")
		p.columnLimit = 50 + int(uint32(limit)%3000) //nolint:gosec // any number will do
		random := rand.New(rand.NewPCG(seed, 1))     //nolint:gosec // not for secrets
		p.Limit = Limit(random.IntN(400))
		all := append(samples(), text, []byte(text), map[string]any{text: text, "masked": text}, []any{text})
		before, after := make(table.Image, len(tgt.Columns)), make(table.Image, len(tgt.Columns))
		for n := range tgt.Columns {
			before[n] = all[random.IntN(len(all))]
			if after[n] = before[n]; random.IntN(3) > 0 {
				after[n] = all[random.IntN(len(all))]
			}
		}
		base := sharedBase()
		base.Message, base.Reason, base.Actor.ID, base.Host, base.IP = text, text, text, text, text
		sameEntry(t, p, base, change.Change{Table: tgt, Before: before, After: after, ID: "id", Cause: text})
		sameEntry(t, p, base, change.Change{Table: tgt, Before: before, ID: "id"})
		sameEntry(t, p, base, change.Change{Table: tgt, After: after, ID: "id"})
	})
}

// BenchmarkEntry is one row's update, made into an entry at once and by a record.
func BenchmarkEntry(b *testing.B) {
	p, tgt := rendering(b, "part")
	before, after := make(table.Image, len(tgt.Columns)), make(table.Image, len(tgt.Columns))
	before[tgt.Index["part"]], after[tgt.Index["part"]] = int64(12345), int64(12345)
	before[tgt.Index["plain"]], after[tgt.Index["plain"]] = "+12345678901", "+19876543210"
	before[tgt.Index["updated_at"]], after[tgt.Index["updated_at"]] = time.Unix(1, 2).UTC(), time.Unix(3, 4).UTC()
	base := sharedBase()
	b.Run("direct", func(b *testing.B) {
		b.ReportAllocs()
		composers := &Composers{}
		c := composers.Get(p.Limit, p.columnLimit, &base, 1<<20)
		defer composers.Put(c)
		for b.Loop() {
			if ok, err := p.Decide(&change.Change{Table: tgt, Before: before, After: after}, &c.Difference); !ok || err != nil {
				b.Fatal(err)
			}
			c.Compose()
			c.Entries = c.Entries[:0]
		}
	})
	b.Run("by record", func(b *testing.B) {
		b.ReportAllocs()
		converter := entry.Converter{Limit: p.columnLimit}
		for b.Loop() {
			var d Difference
			if ok, err := p.Decide(&change.Change{Table: tgt, Before: before, After: after}, &d); !ok || err != nil {
				b.Fatal(err)
			}
			r := p.Limit.Of(&base, &d)
			_ = converter.Entry(&r, converter.Encoder().Images(&r))
		}
	})
}
