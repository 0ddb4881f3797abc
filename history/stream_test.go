package history_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/emitter"
	"github.com/gorm-audit/auditplugin/history"
)

// statements counts what GORM sends.
type statements struct {
	logger.Interface
	n int
}

func (s *statements) LogMode(logger.LogLevel) logger.Interface { return s }

func (s *statements) Trace(context.Context, time.Time, func() (string, int64), error) { s.n++ }

// trail returns a database of one connection with n records, each with an image of
// the given size, and what counts its statements.
func trail(t *testing.T, n, size int) (*gorm.DB, *statements) {
	t.Helper()
	db := open(t, []any{&user{}})
	pool, err := db.DB()
	must(t, err)
	pool.SetMaxOpenConns(1)
	bound, err := emitter.Table().Bind(db)
	must(t, err)
	records := make([]audit.Record, n)
	for i := range records {
		records[i] = audit.Record{Time: noon, Action: audit.Create, Table: "users", RecordID: fmt.Sprint(i + 1), After: map[string]any{"name": strings.Repeat("x", size)}}
	}
	must(t, bound.Emit(t.Context(), records))
	counted := &statements{}
	return db.Session(&gorm.Session{Logger: counted}), counted
}

func TestAllPages(t *testing.T) {
	const records = 1203
	db, counted := trail(t, records, 10)
	all := history.Search(db)
	for name, c := range map[string]struct {
		q                   history.Query
		first, records, sql int
	}{
		"oldest":      {all, 1, records, 3},
		"newest":      {all.Newest(), records, records, 3},
		"limit":       {all.Limit(700), 1, 700, 2},
		"one page":    {all.Limit(500), 1, 500, 1},
		"few":         {all.Newest().Limit(3), records, 3, 1},
		"from cursor": {all.After(all.Cursor(audit.Record{Seq: 1000})), 1001, 203, 1},
	} {
		counted.n = 0
		seq, n := int64(c.first), 0
		for r, err := range c.q.All(t.Context()) {
			must(t, err)
			if r.Seq != seq {
				t.Fatalf("%s: seq %d at place %d, want %d", name, r.Seq, n, seq)
			}
			n++
			if strings.HasPrefix(name, "newest") || name == "few" {
				seq--
			} else {
				seq++
			}
		}
		if n != c.records || counted.n != c.sql {
			t.Errorf("%s: %d records by %d statements, want %d by %d", name, n, counted.n, c.records, c.sql)
		}
	}
}

// Large images make pages smaller, so that memory stays bounded.
func TestAllLargeImages(t *testing.T) {
	db, counted := trail(t, 13, 1<<20)
	n := 0
	for r, err := range history.Search(db).All(t.Context()) {
		must(t, err)
		if n++; r.Seq != int64(n) {
			t.Fatalf("seq %d at place %d", r.Seq, n)
		}
	}
	// 4 MiB and one record in a page: 4 or 5 of them.
	if n != 13 || counted.n != 4 {
		t.Errorf("%d records by %d statements", n, counted.n)
	}
}

// The body of the loop may use the only connection, and may leave.
func TestAllBody(t *testing.T) {
	db, _ := trail(t, 600, 10)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	n := 0
	for r, err := range history.Search(db).All(ctx) {
		must(t, err)
		if n++; n == 550 {
			break
		}
		if n%100 == 0 {
			must(t, db.WithContext(ctx).Create(&user{Name: r.RecordID}).Error)
		}
	}
	if n != 550 {
		t.Errorf("left after %d records", n)
	}
	ended, end := context.WithCancel(ctx)
	defer end()
	n = 0
	var got error
	for _, err := range history.Search(db).All(ended) {
		if got = err; err == nil {
			n++
		}
		end()
	}
	if n != 500 || !errors.Is(got, context.Canceled) {
		t.Errorf("ended after %d records: %v", n, got)
	}
}
