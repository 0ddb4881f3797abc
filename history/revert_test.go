package history_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/history"
)

// change updates a row and returns the record.
func change(t testing.TB, db *gorm.DB, m *member, columns map[string]any) audit.Record {
	t.Helper()
	must(t, db.Model(m).Updates(columns).Error)
	return newest(t, db)
}

func TestRevertUpdate(t *testing.T) {
	db := open(t, []any{&member{}})
	ctx := audit.WithReason(by("fixer"), "wrong")
	m := member{Name: "Ada", Profile: profile{City: "Oslo"}, Avatar: []byte{0, 255}}
	must(t, db.Create(&m).Error)
	was := load(t, db, m.ID)
	r := change(t, db, &m, map[string]any{"name": "Eve", "profile": `{"city":"Rome","tags":null}`, "avatar": []byte{1}, "nick": "x"})

	dry, err := history.Revert(ctx, db, r, history.DryRun())
	must(t, err)
	if after := newest(t, db); !dry.DryRun || after.ID != r.ID {
		t.Errorf("a dry run left %s", after.Action)
	}
	done, err := history.Revert(ctx, db, r)
	must(t, err)
	if got := load(t, db, m.ID); !reflect.DeepEqual(got, was) {
		t.Errorf("got  %+v\nwant %+v", got, was)
	}
	if !reflect.DeepEqual(dry.Steps, done.Steps) || len(done.Steps) != 1 || done.Steps[0].Action != audit.Update || len(done.Steps[0].Changes) != 5 {
		t.Errorf("dry: %+v\ndone: %+v", dry, done)
	}
	undone := newest(t, db)
	if undone.Cause != r.ID || undone.Reason != "wrong" || undone.Actor.ID != "fixer" || !strings.Contains(undone.Message, "undone") {
		t.Errorf("recorded as %+v", undone)
	}
	// Undoing it again has nothing to do, and undoing the undoing redoes.
	again, err := history.Revert(ctx, db, r)
	must(t, err)
	if again.Steps[0].Action != "" || newest(t, db).ID != undone.ID {
		t.Errorf("again: %+v", again)
	}
	_, err = history.Revert(ctx, db, undone)
	must(t, err)
	if got := load(t, db, m.ID); got.Name != "Eve" || got.Profile.City != "Rome" {
		t.Errorf("redone: %+v", got)
	}
}

func TestRevertCreateAndDelete(t *testing.T) {
	db := open(t, []any{&member{}})
	ctx := context.Background()
	m := member{Name: "Ada", Balance: 2.5, Profile: profile{Tags: []string{"a"}}}
	must(t, db.Create(&m).Error)
	created := newest(t, db)
	change(t, db, &m, map[string]any{"password": nil}) // or it could not be had back
	was := load(t, db, m.ID)
	must(t, db.Delete(&m).Error)
	soft := newest(t, db)
	_, err := history.Revert(ctx, db, soft)
	must(t, err)
	if got := load(t, db, m.ID); got.DeletedAt.Valid {
		t.Errorf("restored: %+v", got)
	}
	if r := newest(t, db); r.Action != audit.Restore {
		t.Errorf("a soft delete was undone by a %s", r.Action)
	}
	must(t, db.Unscoped().Delete(&m).Error)
	gone := newest(t, db)
	done, err := history.Revert(ctx, db, gone)
	must(t, err)
	got := load(t, db, m.ID)
	if !reflect.DeepEqual(got, was) || !slices.Equal(done.Steps[0].Left, []string{"notes"}) {
		t.Errorf("got  %+v\nwant %+v\n%+v", got, was, done)
	}
	// The creation: the password was changed since, and only the records tell.
	_, err = history.Revert(ctx, db, created)
	var conflict *history.ConflictError
	if !errors.As(err, &conflict) || !errors.Is(err, history.ErrConflict) || !slices.Equal(conflict.Columns, []string{"password"}) {
		t.Fatalf("a row that moved on: %v", err)
	}
	_, err = history.Revert(ctx, db, created, history.Force())
	must(t, err)
	if err := db.Unscoped().First(&member{}, m.ID).Error; !errors.Is(err, gorm.ErrRecordNotFound) {
		t.Errorf("the row is there: %v", err)
	}
	done, err = history.Revert(ctx, db, created)
	must(t, err)
	if done.Steps[0].Action != "" {
		t.Errorf("%+v", done)
	}
}

func TestRevertConflict(t *testing.T) {
	db := open(t, []any{&member{}})
	ctx := context.Background()
	m := member{Name: "Ada"}
	must(t, db.Create(&m).Error)
	first := change(t, db, &m, map[string]any{"name": "Eve", "balance": 1})
	change(t, db, &m, map[string]any{"active": true})
	touched := load(t, db, m.ID).UpdatedAt

	// Another column was changed since: no conflict, though updated_at was too.
	_, err := history.Revert(ctx, db, first)
	must(t, err)
	if got := load(t, db, m.ID); got.Name != "Ada" || got.Balance != 0 || !got.Active || !got.UpdatedAt.Equal(touched) {
		t.Errorf("got %+v", got)
	}
	second := change(t, db, &m, map[string]any{"name": "Bob", "balance": 5})
	change(t, db, &m, map[string]any{"name": "Kim"})
	before := newest(t, db)
	_, err = history.Revert(ctx, db, second)
	var conflict *history.ConflictError
	if !errors.As(err, &conflict) || !slices.Equal(conflict.Columns, []string{"name"}) || newest(t, db).ID != before.ID {
		t.Fatalf("a column that moved on: %v", err)
	}
	_, err = history.Revert(ctx, db, second, history.Force())
	must(t, err)
	if got := load(t, db, m.ID); got.Name != "Ada" || got.Balance != 0 {
		t.Errorf("forced: %+v", got)
	}
	must(t, db.Unscoped().Delete(&m).Error)
	if _, err = history.Revert(ctx, db, second); !errors.Is(err, history.ErrConflict) {
		t.Errorf("a row that is gone: %v", err)
	}
}

func TestRevertRedacted(t *testing.T) {
	db := open(t, []any{&member{}})
	ctx := context.Background()
	m := member{Name: "Ada", Password: "one"}
	must(t, db.Create(&m).Error)
	r := change(t, db, &m, map[string]any{"name": "Eve", "password": "two"})
	_, err := history.Revert(ctx, db, r)
	var unknown *history.UnknownError
	if !errors.Is(err, history.ErrRedacted) || !errors.As(err, &unknown) || !slices.Equal(unknown.Redacted, []string{"password"}) {
		t.Fatalf("got %v", err)
	}
	if _, err = history.Revert(ctx, db, r, history.Force()); !errors.Is(err, history.ErrRedacted) {
		t.Fatalf("forced: %v", err)
	}
	done, err := history.Revert(ctx, db, r, history.SkipUnknown())
	must(t, err)
	if got := load(t, db, m.ID); got.Name != "Ada" || got.Password != "two" || !slices.Equal(done.Steps[0].Left, []string{"password"}) {
		t.Errorf("%+v, %+v", got, done)
	}
	// A creation can be undone; what the step shows is masked.
	created, err := history.Of(db, &m).First(ctx)
	must(t, err)
	done, err = history.Revert(ctx, db, created, history.Force(), history.DryRun())
	must(t, err)
	if s := fmt.Sprint(done); !strings.Contains(s, "{password *** <nil>}") || strings.Contains(s, "two") {
		t.Errorf("shown: %s", s)
	}
}

type hooked struct {
	ID   uint
	Name string
}

var errHook = errors.New("a hook ran")

func (*hooked) BeforeSave(tx *gorm.DB) error {
	if tx.Statement.Context.Value(errHook) != nil {
		return errHook
	}
	return nil
}

func (h *hooked) BeforeDelete(tx *gorm.DB) error { return h.BeforeSave(tx) }

func TestRevertRunsNoHooks(t *testing.T) {
	db := open(t, []any{&hooked{}})
	h := hooked{Name: "a"}
	must(t, db.Create(&h).Error)
	created := newest(t, db)
	must(t, db.Model(&h).Update("name", "b").Error)
	updated := newest(t, db)
	ctx := context.WithValue(context.Background(), errHook, true)
	if err := db.WithContext(ctx).Save(&h).Error; !errors.Is(err, errHook) {
		t.Fatalf("the fixture: %v", err)
	}
	for _, r := range []audit.Record{updated, created} {
		if _, err := history.Revert(ctx, db, r); err != nil {
			t.Errorf("%s: %v", r.Action, err)
		}
	}
	if _, err := history.Revert(ctx, db, newest(t, db)); err != nil {
		t.Errorf("delete: %v", err)
	}
}

type author struct {
	ID    uint
	Name  string
	Books []book `gorm:"constraint:OnDelete:CASCADE"`
	Langs []lang `gorm:"many2many:author_langs"`
}

type book struct {
	ID       uint
	AuthorID *uint
	Title    string
}

type lang struct {
	Code string `gorm:"primaryKey"`
}

func TestRevertCascadeAndTransaction(t *testing.T) {
	db := open(t, []any{&author{}, &book{}, &lang{}})
	must(t, db.Exec("PRAGMA foreign_keys = 1").Error)
	ctx := context.Background()
	sqlDB, err := db.DB()
	must(t, err)
	sqlDB.SetMaxOpenConns(1) // and with it the pragma
	a := author{Name: "Ada", Books: []book{{Title: "one"}, {Title: "two"}}, Langs: []lang{{"en"}, {"no"}}}
	must(t, db.Create(&a).Error)
	created := newest(t, db).TransactionID
	must(t, db.Model(&a).Association("Langs").Clear())
	cleared := newest(t, db).TransactionID
	must(t, db.Delete(&a).Error)
	deleted, err := history.Of(db, &a).Newest().First(ctx)
	must(t, err)
	count := func(model any) (n int64) {
		t.Helper()
		must(t, db.Model(model).Count(&n).Error)
		return n
	}
	if count(&book{}) != 0 {
		t.Fatal("the books are still there")
	}
	done, err := history.Revert(ctx, db, deleted)
	must(t, err)
	if len(done.Steps) != 3 || count(&book{}) != 2 || count(&author{}) != 1 {
		t.Errorf("%d steps, %d books", len(done.Steps), count(&book{}))
	}
	_, err = history.RevertTransaction(ctx, db, cleared)
	must(t, err)
	if n := db.Model(&a).Association("Langs").Count(); n != 2 {
		t.Errorf("%d languages", n)
	}
	// Rows that refer to it keep a row from being deleted.
	record, err := history.Of(db, &a).Action(audit.Create).Newest().First(ctx)
	must(t, err)
	if _, err := history.Revert(ctx, db, record); !errors.Is(err, history.ErrConflict) || !strings.Contains(err.Error(), "books") {
		t.Errorf("children: %v", err)
	}
	// All that the first transaction made, children first.
	done, err = history.RevertTransaction(ctx, db, created)
	must(t, err)
	if count(&book{}) != 0 || count(&author{}) != 0 || count(&lang{}) != 0 || len(done.Steps) != 7 {
		t.Errorf("%d books, %d authors, %d languages, %d steps", count(&book{}), count(&author{}), count(&lang{}), len(done.Steps))
	}
	if _, err := history.RevertTransaction(ctx, db, "none"); !errors.Is(err, history.ErrNotFound) {
		t.Errorf("no transaction: %v", err)
	}
}

func TestRevertTo(t *testing.T) {
	db := open(t, []any{&member{}})
	ctx := context.Background()
	m := member{Name: "Ada"}
	must(t, db.Create(&m).Error)
	created := newest(t, db)
	was := load(t, db, m.ID)
	first := change(t, db, &m, map[string]any{"name": "Eve"})
	change(t, db, &m, map[string]any{"balance": 1, "nick": "n"})
	now := load(t, db, m.ID)

	_, err := history.RevertTo(ctx, db, &m, history.After(created))
	must(t, err)
	if got := load(t, db, m.ID); !reflect.DeepEqual(got, was) {
		t.Errorf("got  %+v\nwant %+v", got, was)
	}
	if r := newest(t, db); r.Cause != first.ID || len(r.Changed) != 4 {
		t.Errorf("recorded as %+v", r)
	}
	// Forward again, by time.
	_, err = history.RevertTo(ctx, db, &m, history.Before(newest(t, db)))
	must(t, err)
	if got := load(t, db, m.ID); !reflect.DeepEqual(got, now) {
		t.Errorf("got  %+v\nwant %+v", got, now)
	}
	done, err := history.RevertTo(ctx, db, &m, history.Before(created))
	must(t, err)
	if len(done.Steps) != 1 || done.Steps[0].Action != audit.Delete {
		t.Errorf("%+v", done)
	}
	_, err = history.RevertTo(ctx, db, &m, history.After(first))
	if !errors.Is(err, history.ErrRedacted) { // the password of a row that is gone
		t.Errorf("got %v", err)
	}
	_, err = history.RevertTo(ctx, db, &m, history.After(first), history.SkipUnknown())
	must(t, err)
	if got := load(t, db, m.ID); got.Name != "Eve" || got.Balance != 0 {
		t.Errorf("got %+v", got)
	}
	if _, err := history.RevertTo(ctx, db, &member{ID: 99}, history.After(first)); !errors.Is(err, history.ErrNotFound) {
		t.Errorf("no such row: %v", err)
	}
}

func TestRevertRefuses(t *testing.T) {
	db := open(t, []any{&user{}})
	ctx := context.Background()
	u := user{Name: "Ada"}
	must(t, db.Create(&u).Error)
	must(t, db.Exec("UPDATE users SET name = 'x'").Error)
	if _, err := history.Revert(ctx, db, newest(t, db)); !errors.Is(err, history.ErrNotRevertible) {
		t.Errorf("raw SQL: %v", err)
	}
	must(t, db.WithContext(audit.Skip(ctx, "import")).Model(&u).Update("name", "y").Error)
	if _, err := history.Revert(ctx, db, newest(t, db)); !errors.Is(err, history.ErrNotRevertible) {
		t.Errorf("a skipped write: %v", err)
	}
	if _, err := history.Revert(ctx, db, audit.Record{ID: "none"}); !errors.Is(err, history.ErrNotFound) {
		t.Errorf("no record: %v", err)
	}
	must(t, db.Table("users").Create(map[string]any{"name": "map"}).Error)
	r := newest(t, db)
	plain, err := gorm.Open(db.Dialector, &gorm.Config{})
	must(t, err)
	if _, err := history.Revert(ctx, plain, r); !errors.Is(err, history.ErrNoModel) {
		t.Errorf("no model: %v", err)
	}
	_, err = history.Revert(ctx, plain, r, history.Tables("users"), history.DryRun())
	must(t, err)
	done, err := history.Revert(ctx, plain, r, history.Models(&user{}))
	must(t, err)
	if len(done.Steps) != 1 || done.Steps[0].Action != audit.Delete {
		t.Errorf("%+v", done)
	}
}

func TestRevertInsideATransaction(t *testing.T) {
	db := open(t, []any{&user{}})
	ctx := context.Background()
	u := user{Name: "Ada"}
	must(t, db.Create(&u).Error)
	for _, nested := range []bool{true, false} {
		tx := db.Session(&gorm.Session{DisableNestedTransaction: !nested}).Begin()
		must(t, tx.Model(&u).Update("name", "Eve").Error)
		r, err := history.Search(tx).Newest().First(ctx)
		must(t, err)
		if _, err := history.Revert(ctx, tx, r, history.DryRun()); err != nil {
			t.Fatal(err)
		}
		var got user
		must(t, tx.First(&got, u.ID).Error)
		if got.Name != "Eve" {
			t.Errorf("after a dry run: %+v", got)
		}
		if _, err := history.Revert(ctx, tx, r); err != nil {
			t.Fatal(err)
		}
		must(t, tx.Commit().Error)
		must(t, db.First(&got, u.ID).Error)
		if got.Name != "Ada" {
			t.Errorf("nested %v: %+v", nested, got)
		}
	}
}
