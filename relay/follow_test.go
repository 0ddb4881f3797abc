package relay

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/gorm-audit/auditplugin/audit"
)

func TestFollow(t *testing.T) {
	for from, want := range map[int64][]int64{0: {1, 2, 3, 4}, 2: {3, 4}, FollowNow: {4}} {
		t.Run(strconv.FormatInt(from, 10), func(t *testing.T) {
			db := open(t)
			for range 3 {
				if err := db.Create(&account{}).Error; err != nil {
					t.Fatal(err)
				}
			}
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
			defer cancel()
			f, err := Follow(ctx, db, from, PollEvery(5*time.Millisecond))
			if err != nil {
				t.Fatal(err)
			}
			if want := max(0, from); from != FollowNow && f.Seq() != want || from == FollowNow && f.Seq() != 3 {
				t.Errorf("it begins at %d", f.Seq())
			}
			written := make(chan error, 1)
			time.AfterFunc(100*time.Millisecond, func() { written <- db.Model(&account{ID: 1}).Update("phone", "1").Error })
			var seen []int64
			for r, err := range f.Records(ctx) {
				if err != nil {
					t.Fatal(err)
				}
				if seen = append(seen, r.Seq); r.Seq >= 4 {
					break
				}
			}
			if err := <-written; err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(seen, want) {
				t.Errorf("seen %v, want %v", seen, want)
			}
			for _, table := range []string{"audit_relay_positions", "audit_relay_leases"} {
				if db.Migrator().HasTable(table) {
					t.Errorf("following has made the table %s", table)
				}
			}
		})
	}
}

func TestFollowErrors(t *testing.T) {
	db := open(t)
	if _, err := Follow(context.Background(), db, 0, AuditTable("elsewhere")); !errors.Is(err, ErrTableMissing) {
		t.Errorf("a table that is missing: %v", err)
	}
	if err := db.Create(&account{}).Error; err != nil {
		t.Fatal(err)
	}
	// What goes wrong later is told, and tried again.
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	var failures int
	var last audit.Record
	f, err := Follow(ctx, db, 0, PollEvery(5*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	for r, err := range f.Records(ctx) {
		switch {
		case err != nil:
			if failures++; failures == 2 {
				db.Exec("ALTER TABLE gone RENAME TO audit_logs")
				db.Create(&account{})
			}
		case r.Seq == 1:
			db.Exec("ALTER TABLE audit_logs RENAME TO gone")
		default:
			last = r
			cancel()
		}
	}
	if failures < 2 || last.Seq != 2 {
		t.Errorf("%d failures, then record %d", failures, last.Seq)
	}
}
