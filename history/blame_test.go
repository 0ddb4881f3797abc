package history_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/history"
)

func by(name string) context.Context {
	return audit.WithActor(context.Background(), audit.Actor{ID: name})
}

// authors lists column=actor for the columns that a record is known for.
func authors(lines []history.Line) string {
	var parts []string
	for _, l := range lines {
		who := "?"
		if l.Record != nil {
			who = l.Record.Actor.ID
		}
		parts = append(parts, l.Column+"="+who)
	}
	return strings.Join(parts, " ")
}

func TestBlame(t *testing.T) {
	db := open(t, []any{&user{}})
	u := user{Name: "Ada", Phone: "1"}
	must(t, db.WithContext(by("a")).Create(&u).Error)
	must(t, db.WithContext(by("b")).Model(&u).Update("phone", "2").Error)
	must(t, db.WithContext(by("c")).Model(&u).Update("phone", "1").Error)
	for _, when := range []string{"present", "gone"} {
		lines, err := history.Blame(context.Background(), db, &u)
		must(t, err)
		if got := authors(lines); got != "id=a name=a phone=c" {
			t.Errorf("%s: %s", when, got)
		}
		if lines[2].Value != "1" || lines[2].Record.Before["phone"] != "2" {
			t.Errorf("%s: %+v", when, lines[2])
		}
		must(t, db.WithContext(by("d")).Delete(&u).Error)
	}
	if _, err := history.Blame(context.Background(), db, &user{ID: 99}); !errors.Is(err, history.ErrNotFound) {
		t.Errorf("no such row: %v", err)
	}
}

func TestBlameOfRowOlderThanItsRecords(t *testing.T) {
	db := open(t, []any{&user{}})
	must(t, db.Exec("INSERT INTO users (id, name, phone) VALUES (7, 'Ada', '1')").Error)
	must(t, db.WithContext(by("b")).Model(&user{ID: 7}).Update("phone", "2").Error)
	lines, err := history.Blame(context.Background(), db, &user{ID: 7})
	must(t, err)
	if got := authors(lines); got != "id=? name=? phone=b" {
		t.Error(got)
	}
}

func TestBlameFollowsKeys(t *testing.T) {
	db := open(t, []any{&region{}})
	must(t, db.WithContext(by("a")).Create(&region{"no", "Norway"}).Error)
	must(t, db.WithContext(by("b")).Model(&region{Code: "no"}).Update("code", "nor").Error)
	must(t, db.WithContext(by("c")).Create(&region{"no", "Another"}).Error)
	for code, want := range map[string]string{"nor": "code=b name=a", "no": "code=c name=c"} {
		lines, err := history.Blame(context.Background(), db, &region{Code: code})
		must(t, err)
		if got := authors(lines); got != want {
			t.Errorf("%s: %s", code, got)
		}
	}
}

func TestVersions(t *testing.T) {
	db := open(t, []any{&user{}})
	ctx := context.Background()
	must(t, db.Exec("INSERT INTO users (id, name, phone) VALUES (7, 'Ada', '1')").Error)
	key := user{ID: 7}
	must(t, db.Model(&user{ID: 7}).Update("phone", "2").Error)
	must(t, db.Model(&user{ID: 7}).Update("name", "Eve").Error)
	must(t, db.Delete(&user{ID: 7}).Error)
	must(t, db.Create(&user{7, "Bob", "3"}).Error)
	var got []string
	for v, err := range history.Versions(ctx, db, &key) {
		must(t, err)
		s := string(v.Record.Action)
		if v.Row != nil {
			s += fmt.Sprint(*v.Row)
		}
		got = append(got, s)
	}
	want := []string{"{7 Ada 1}", "update{7 Ada 2}", "update{7 Eve 2}", "delete", "create{7 Bob 3}"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
	for range history.Versions(ctx, db, &key) {
		break // must not yield again
	}
	for _, err := range history.Versions(ctx, db, &user{ID: 99}) {
		if !errors.Is(err, history.ErrNotFound) {
			t.Errorf("no such row: %v", err)
		}
	}
}

// Each version is what AsOf says of the moment right after its record.
func TestVersionsAgreeWithAsOf(t *testing.T) {
	db := open(t, []any{&member{}})
	ctx := context.Background()
	m := member{Name: "Ada", Password: "1", Notes: "n"}
	must(t, db.Create(&m).Error)
	for i, change := range []map[string]any{
		{"password": "2"}, {"name": "Eve"}, {"balance": 1.5, "profile": `{"city":"Oslo","tags":null}`}, {"password": "3", "nick": "x"}, {"active": true},
	} {
		must(t, db.Model(&m).Updates(change).Error)
		n := 0
		for v, err := range history.Versions(ctx, db, &m) {
			must(t, err)
			n++
			var gaps history.Gaps
			want := member{ID: m.ID}
			must(t, history.AsOf(ctx, db, &want, history.After(v.Record), history.Partial(&gaps)))
			if !reflect.DeepEqual(*v.Row, want) || !reflect.DeepEqual(v.Gaps, gaps) {
				t.Errorf("after %d changes, version %d:\n got %+v %+v\nwant %+v %+v", i+1, n, *v.Row, v.Gaps, want, gaps)
			}
		}
		if n != i+2 {
			t.Errorf("%d versions after %d changes", n, i+1)
		}
	}
}

func TestDiff(t *testing.T) {
	db := open(t, []any{&member{}})
	ctx := context.Background()
	start := time.Now().Add(-time.Second)
	m := member{Name: "Ada", Balance: 1, Profile: profile{City: "Oslo"}, Password: "1"}
	must(t, db.Create(&m).Error)
	created := newest(t, db)
	must(t, db.Model(&m).UpdateColumns(map[string]any{"balance": 2, "name": "Eve"}).Error)
	must(t, db.Model(&m).UpdateColumns(map[string]any{"balance": 1, "password": "2", "profile": `{"city":"Bergen","tags":["a"]}`}).Error)
	changed := newest(t, db)

	changes, err := history.Diff(ctx, db, &m, history.After(created), time.Now())
	must(t, err)
	want := "[{name Ada Eve} {password *** ***} {profile.city Oslo Bergen} {profile.tags <nil> [a]}]"
	if got := fmt.Sprint(changes); got != want {
		t.Errorf("got %s", got)
	}
	changes, err = history.Diff(ctx, db, &m, history.After(changed), history.After(created))
	must(t, err)
	if got := fmt.Sprint(changes[0]); got != "{name Eve Ada}" || len(changes) != 4 {
		t.Errorf("backwards: %v", changes)
	}
	changes, err = history.Diff(ctx, db, &m, start, history.After(created))
	must(t, err)
	if got := fmt.Sprint(changes[0]); got != "{active <nil> false}" || len(changes) != 8 {
		t.Errorf("since before the creation: %v", changes)
	}
	changes, err = history.Diff(ctx, db, &m, history.After(changed), time.Now())
	must(t, err)
	if len(changes) != 0 {
		t.Errorf("of nothing: %v", changes)
	}
}
