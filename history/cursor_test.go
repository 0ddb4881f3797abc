package history_test

import (
	"context"
	"encoding/base64"
	"errors"
	"math/rand/v2"
	"net/url"
	"testing"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/history"
)

func TestCursor(t *testing.T) {
	db := open(t, []any{&user{}})
	ctx := context.Background()
	for range 5 {
		must(t, db.Create(&user{Name: "Ada"}).Error)
	}
	q := history.Search(db).Newest().Limit(2)
	first, next, err := q.Page(ctx)
	must(t, err)
	if len(first) != 2 || next == "" || url.QueryEscape(next) != next {
		t.Fatalf("page of %d, cursor %q", len(first), next)
	}
	if again := q.Cursor(first[1]); again != next {
		t.Errorf("the cursor of the last record is %q, not %q", again, next)
	}
	// Records written meanwhile move no page.
	must(t, db.Create(&user{Name: "Eve"}).Error)
	second, _, err := q.After(next).Page(ctx)
	must(t, err)
	if second[0].Seq != first[1].Seq-1 {
		t.Errorf("after seq %d comes %d", first[1].Seq, second[0].Seq)
	}
	if n, err := q.After(next).Count(ctx); err != nil || n != 6 {
		t.Errorf("count with a cursor: %d, %v", n, err)
	}

	for name, wrong := range map[string]history.Query{
		"other order":   q.Oldest().After(next),
		"other table":   q.AuditTable("old_logs").After(next),
		"cut":           q.After(next[:len(next)-1]),
		"longer":        q.After(next + "A"),
		"not a cursor":  q.After("page=2"),
		"other version": q.After(base64.RawURLEncoding.EncodeToString(make([]byte, 16))),
	} {
		if _, _, err := wrong.Page(ctx); !errors.Is(err, history.ErrCursor) {
			t.Errorf("%s: %v", name, err)
		}
		for _, err := range wrong.All(ctx) {
			if !errors.Is(err, history.ErrCursor) {
				t.Errorf("%s, streamed: %v", name, err)
			}
		}
	}
	// Any changed bit is noticed.
	raw, err := base64.RawURLEncoding.DecodeString(next)
	must(t, err)
	for bit := range len(raw) * 8 {
		changed := append([]byte(nil), raw...)
		changed[bit/8] ^= 1 << (bit % 8)
		if _, err := q.After(base64.RawURLEncoding.EncodeToString(changed)).Find(ctx); !errors.Is(err, history.ErrCursor) {
			t.Errorf("bit %d: %v", bit, err)
		}
	}
}

// FuzzCursor: no cursor, however made, does more than fail.
func FuzzCursor(f *testing.F) {
	db := open(f, []any{&user{}})
	must(f, db.Create(&user{Name: "Ada"}).Error)
	q := history.Search(db)
	f.Add(q.Cursor(audit.Record{Seq: 1}))
	f.Add("")
	f.Fuzz(func(t *testing.T, cursor string) {
		if _, _, err := q.After(cursor).Page(t.Context()); err != nil && !errors.Is(err, history.ErrCursor) {
			t.Error(err)
		}
		seq := rand.Int64()
		if _, err := q.After(q.Cursor(audit.Record{Seq: seq})).Find(t.Context()); err != nil {
			t.Errorf("seq %d: %v", seq, err)
		}
	})
}
