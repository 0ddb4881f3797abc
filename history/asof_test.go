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

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/history"
)

type profile struct {
	City string   `json:"city"`
	Tags []string `json:"tags"`
}

type member struct {
	ID        uint
	Name      string
	Balance   float64
	Active    bool
	Nick      *string
	Avatar    []byte
	Profile   profile `gorm:"serializer:json"`
	Password  string
	Notes     string `audit:"-"`
	CreatedAt time.Time
	UpdatedAt time.Time
	DeletedAt gorm.DeletedAt
}

type region struct {
	Code string `gorm:"primaryKey"`
	Name string
}

// seqs are the moments right after each record so far.
func newest(t testing.TB, db *gorm.DB) audit.Record {
	t.Helper()
	r, err := history.Search(db).Newest().First(context.Background())
	must(t, err)
	return r
}

func load(t testing.TB, db *gorm.DB, id uint) member {
	t.Helper()
	var m member
	must(t, db.Unscoped().First(&m, id).Error)
	return m
}

func TestAsOfIsTheRowThatWasLoadedThen(t *testing.T) {
	db := open(t, []any{&member{}})
	ctx := context.Background()
	nick := "countess"
	m := member{Name: "Ada", Balance: 0.1, Avatar: []byte{0, 255}, Profile: profile{"London", []string{"a", "b"}}, Password: "secret", Notes: "n"}
	must(t, db.Create(&m).Error)
	type moment struct {
		seq  int64
		time time.Time
		row  member
	}
	var moments []moment
	note := func() {
		moments = append(moments, moment{newest(t, db).Seq, time.Now(), load(t, db, m.ID)})
		time.Sleep(time.Millisecond)
	}
	note()
	must(t, db.Model(&m).Updates(map[string]any{"balance": 17.25, "active": true, "nick": &nick}).Error)
	note()
	must(t, db.Model(&m).Updates(member{Profile: profile{"Paris", nil}, Avatar: []byte("x")}).Error)
	note()
	must(t, db.Model(&m).Update("nick", nil).Error)
	note()
	must(t, db.Delete(&m).Error)
	note()
	must(t, db.Unscoped().Model(&m).Update("deleted_at", nil).Error)
	note()
	check := func(when string) {
		for i, want := range moments {
			for _, at := range []history.Moment{history.AtSeq(want.seq), history.At(want.time)} {
				got := member{ID: m.ID, Name: "overwritten"}
				var gaps history.Gaps
				must(t, history.AsOf(ctx, db, &got, at, history.Partial(&gaps)))
				if when == "gone" { // what no record tells
					want.row.Notes, want.row.Password = "", ""
				}
				if !reflect.DeepEqual(got, want.row) {
					t.Errorf("%s, moment %d:\n got %+v\nwant %+v", when, i, got, want.row)
				}
			}
		}
	}
	check("present")
	must(t, db.Unscoped().Delete(&m).Error)
	check("gone")
	got := member{ID: m.ID}
	if err := history.AsOf(ctx, db, &got, time.Now()); !errors.Is(err, history.ErrNotFound) {
		t.Errorf("after the deletion: %v", err)
	}
	if err := history.AsOf(ctx, db, &got, moments[0].time.Add(-time.Hour)); !errors.Is(err, history.ErrNotFound) {
		t.Errorf("before the creation: %v", err)
	}
	if want := (member{ID: m.ID}); !reflect.DeepEqual(got, want) {
		t.Errorf("after errors: %+v", got)
	}
}

func TestAsOfRowOlderThanItsRecords(t *testing.T) {
	db := open(t, []any{&user{}})
	ctx := context.Background()
	must(t, db.Exec("INSERT INTO users (id, name, phone) VALUES (7, 'Ada', '1')").Error)
	before := time.Now()
	time.Sleep(time.Millisecond)
	for range 2 { // unchanged, then changed
		got := user{ID: 7}
		must(t, history.AsOf(ctx, db, &got, before))
		if want := (user{7, "Ada", "1"}); got != want {
			t.Errorf("got %+v", got)
		}
		must(t, db.Model(&user{ID: 7}).Update("phone", "2").Error)
	}
}

func TestAsOfFollowsKeys(t *testing.T) {
	db := open(t, []any{&region{}})
	ctx := context.Background()
	must(t, db.Create(&region{"no", "Norway"}).Error)
	created := newest(t, db)
	must(t, db.Exec("SELECT 1").Error)
	must(t, db.Model(&region{Code: "no"}).Update("code", "nor").Error)
	moved := newest(t, db)
	must(t, db.Model(&region{Code: "nor"}).Update("name", "Norge").Error)
	must(t, db.Create(&region{"no", "Another"}).Error)
	last := newest(t, db)

	for _, c := range []struct {
		code string
		at   history.Moment
		want string
	}{
		{"no", history.After(created), "Norway"},
		{"nor", history.After(created), ""},
		{"no", history.After(moved), ""},
		{"nor", history.After(moved), "Norway"},
		{"nor", history.Before(last), "Norge"},
		{"no", history.Before(last), ""},
		{"no", history.After(last), "Another"},
	} {
		got := region{Code: c.code}
		err := history.AsOf(ctx, db, &got, c.at)
		if c.want == "" {
			if !errors.Is(err, history.ErrNotFound) {
				t.Errorf("%s: %+v, %v", c.code, got, err)
			}
			continue
		}
		must(t, err)
		if got.Name != c.want {
			t.Errorf("%s: %+v, not %s", c.code, got, c.want)
		}
	}
}

func TestAsOfOfSecrets(t *testing.T) {
	db := open(t, []any{&member{}})
	ctx := context.Background()
	m := member{Name: "Ada", Password: "first"}
	must(t, db.Create(&m).Error)
	created := newest(t, db)
	must(t, db.Model(&m).Update("name", "Eve").Error)

	got := member{ID: m.ID}
	must(t, history.AsOf(ctx, db, &got, history.After(created)))
	if got.Password != "first" || got.Name != "Ada" {
		t.Errorf("a secret that did not change: %+v", got)
	}
	must(t, db.Model(&m).Update("password", "second").Error)
	err := history.AsOf(ctx, db, &got, history.After(created))
	var unknown *history.UnknownError
	if !errors.Is(err, history.ErrRedacted) || errors.Is(err, history.ErrUnknown) || !errors.As(err, &unknown) || !slices.Equal(unknown.Redacted, []string{"password"}) {
		t.Fatalf("a secret that changed: %v", err)
	}
	var gaps history.Gaps
	must(t, history.AsOf(ctx, db, &got, history.After(created), history.Partial(&gaps)))
	if got.Password != "" || got.Name != "Ada" || !slices.Equal(gaps.Redacted, []string{"password"}) || !slices.Equal(gaps.Unrecorded, []string{"notes"}) {
		t.Errorf("%+v, gaps %+v", got, gaps)
	}
	if strings.Contains(fmt.Sprint(got, err), "***") {
		t.Error("a mask is taken for a value")
	}
}

func TestAsOfLostValues(t *testing.T) {
	db := open(t, []any{&user{}})
	ctx := context.Background()
	u := user{Name: strings.Repeat("x", 70_000)}
	must(t, db.Create(&u).Error)
	created := newest(t, db)
	must(t, db.Model(&u).Update("name", "short").Error)
	got := user{ID: u.ID}
	if err := history.AsOf(ctx, db, &got, history.After(created)); !errors.Is(err, history.ErrUnknown) {
		t.Errorf("a value too long for the records: %v", err)
	}
	// A row that went away unrecorded: the records before it still know.
	must(t, db.Session(&gorm.Session{}).Exec("DELETE FROM users").Error)
	gone := newest(t, db)
	must(t, db.Create(&user{ID: u.ID, Name: "another"}).Error)
	must(t, history.AsOf(ctx, db, &got, history.AtSeq(gone.Seq-1)))
	if got.Name != "short" {
		t.Errorf("got %+v", got)
	}
	if err := history.AsOf(ctx, db, &got, history.After(gone)); !errors.Is(err, history.ErrNotFound) {
		t.Errorf("behind the only statement that can have deleted it: %v", err)
	}
	must(t, history.AsOf(ctx, db, &got, time.Now()))
	if got.Name != "another" {
		t.Errorf("got %+v", got)
	}
}

type nest struct {
	ID  uint
	Doc any `gorm:"serializer:json"`
}

// A text stands for what is nested too deep; it must not be taken for a value.
func TestAsOfDeepDocuments(t *testing.T) {
	db := open(t, []any{&nest{}})
	ctx := context.Background()
	for _, depth := range []int{1, 22, 23, 24, 25, 30} {
		var doc any = []any{"[leaf]"}
		for range depth - 1 {
			doc = []any{doc}
		}
		n := nest{Doc: doc}
		must(t, db.Create(&n).Error)
		created := newest(t, db)
		must(t, db.Model(&n).Updates(nest{Doc: "other"}).Error)
		got := nest{ID: n.ID}
		err := history.AsOf(ctx, db, &got, history.After(created))
		if err == nil && !reflect.DeepEqual(got.Doc, doc) {
			t.Errorf("depth %d: %v", depth, got.Doc)
		}
		if err != nil && (!errors.Is(err, history.ErrUnknown) || depth < 23) {
			t.Errorf("depth %d: %v", depth, err)
		}
		if depth > 23 && err == nil {
			t.Logf("depth %d is recorded as such", depth)
		}
	}
}

func TestAsOfMistakes(t *testing.T) {
	db := open(t, []any{&user{}})
	ctx := context.Background()
	for name, err := range map[string]error{
		"no pointer": history.AsOf(ctx, db, user{ID: 1}, time.Now()),
		"nil":        history.AsOf(ctx, db, (*user)(nil), time.Now()),
		"no moment":  history.AsOf(ctx, db, &user{ID: 1}, history.Moment{}),
		"no db":      history.AsOf(ctx, nil, &user{ID: 1}, time.Now()),
	} {
		if !errors.Is(err, history.ErrInvalidQuery) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := history.AsOf(ctx, db, &user{}, time.Now()); !errors.Is(err, history.ErrNoKey) {
		t.Errorf("no key: %v", err)
	}
	if err := history.AsOf(ctx, db, &user{ID: 1}, history.Before(audit.Record{ID: "none"})); !errors.Is(err, history.ErrNotFound) {
		t.Errorf("no record: %v", err)
	}
}
