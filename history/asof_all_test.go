package history_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/history"
)

func TestAsOfAll(t *testing.T) {
	db := open(t, []any{&member{}})
	ctx := context.Background()
	must(t, db.Exec("INSERT INTO members (id, name) VALUES (1, 'old')").Error)
	var members []member
	for i := range 450 { // several pages
		members = append(members, member{Name: fmt.Sprint("m", i)})
	}
	must(t, db.Create(&members).Error)
	must(t, db.Delete(&members[0]).Error)
	then := newest(t, db)
	all := func(db *gorm.DB, at history.Moment, opts ...history.Option) (names []string) {
		t.Helper()
		for m, err := range history.AsOfAll[member](ctx, db, at, append(opts, history.Partial(nil))...) {
			must(t, err)
			names = append(names, m.Name)
		}
		return names
	}
	want := []string{"old"}
	for _, m := range members[1:] {
		want = append(want, m.Name)
	}
	if got := all(db, history.After(then)); !slices.Equal(got, want) {
		t.Fatalf("%d rows", len(got))
	}
	must(t, db.Create(&member{Name: "later"}).Error)
	must(t, db.Model(&members[200]).Update("name", "changed").Error)
	must(t, db.Model(&members[449]).Update("id", 9999).Error)
	must(t, db.Delete(&members[5]).Error)
	must(t, db.Unscoped().Delete(&members[300]).Error)

	got := all(db, history.After(then))
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("%d rows instead of %d", len(got), len(want))
	}
	if got := all(db.Unscoped(), history.After(then)); len(got) != len(want)+1 {
		t.Errorf("unscoped: %d rows", len(got))
	}
	if got := all(db, history.At(time.Now())); len(got) != len(want)-1 || !slices.Contains(got, "changed") {
		t.Errorf("now: %d rows", len(got))
	}
	if got := all(db, history.After(then), history.Present(func(tx *gorm.DB) *gorm.DB { return tx.Where("id < 10") })); len(got) != 8+1+1 {
		t.Errorf("present ones below 10, and those that are gone: %d rows", len(got))
	}
	for range history.AsOfAll[member](ctx, db, time.Now()) {
		break // must not yield again
	}
	for _, err := range history.AsOfAll[member](ctx, db, history.Moment{}) {
		if !errors.Is(err, history.ErrInvalidQuery) {
			t.Errorf("no moment: %v", err)
		}
	}
}
