package history_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/history"
	"github.com/gorm-audit/auditplugin/test/integration/oracle"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
	"gorm.io/gorm"
)

// vault has secrets of every kind.
type vault struct {
	ID       uint
	Owner    string `gorm:"size:80"`
	Code     string `gorm:"size:80" audit:"mask"`
	IBAN     string `gorm:"size:80" audit:"mask=4"`
	Mail     string `gorm:"size:80" audit:"hash"`
	Password string `gorm:"size:80"`
	Inner    inner  `gorm:"serializer:json"`
	Never    string `gorm:"size:80" audit:"-"`
}

type inner struct {
	City  string `json:"city"`
	Token string `json:"token"`
	Gone  string `json:"gone" audit:"-"`
}

func migrated(models ...any) testdb.Option {
	return testdb.Before(func(db *gorm.DB) error { return db.Session(&gorm.Session{NewDB: true}).AutoMigrate(models...) })
}

// Whatever is undone, by a process that never met the model before, no secret gets
// into the trail, into errors or into what is returned.
func TestRevertLeaksNothing(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		key := testdb.WithPlugin(auditplugin.WithHashKey([]byte("0123456789abcdef")))
		db := g.Open(t, key, migrated(&vault{}))
		ctx := context.Background()
		v := vault{
			Owner: "ada", Code: "hidden-1", IBAN: "hidden-1-NO9386011117947", Mail: "hidden-1@example.test", Password: "hidden-1",
			Inner: inner{"Oslo", "hidden-1", "hidden-1"}, Never: "hidden-1",
		}
		must(t, db.Create(&v).Error)
		created, err := history.Of(db.DB, &v).First(ctx)
		must(t, err)
		must(t, db.Model(&v).Updates(vault{Owner: "eve", Code: "hidden-2", IBAN: "hidden-2-NO9386011117948", Mail: "hidden-2@example.test", Inner: inner{"Rome", "hidden-2", "hidden-2"}}).Error)
		updated, err := history.Of(db.DB, &v).Newest().First(ctx)
		must(t, err)

		// A second handle: its plugin has met no model.
		fresh := g.Open(t, key, testdb.In(db.DSN))
		var said []string
		say := func(done history.Reverted, err error) {
			said = append(said, fmt.Sprintf("%+v %v", done, err))
		}
		_, err = history.Revert(ctx, fresh.DB, updated)
		if !errors.Is(err, history.ErrNoModel) {
			t.Errorf("a table without a known model: %v", err)
		}
		models := history.Models(&vault{})
		_, err = history.Revert(ctx, fresh.DB, updated, models)
		if !errors.Is(err, history.ErrRedacted) {
			t.Errorf("secrets: %v", err)
		}
		say(history.Reverted{}, err)
		done, err := history.Revert(ctx, fresh.DB, updated, models, history.SkipUnknown())
		must(t, err)
		say(done, err)
		var got vault
		must(t, db.First(&got, v.ID).Error)
		if got.Owner != "ada" || got.Code != "hidden-2" || got.Inner.Token != "hidden-2" || got.Inner.City != "Rome" {
			t.Errorf("got %+v", got)
		}
		say(history.RevertTo(ctx, fresh.DB, &v, history.After(created), models))
		say(history.Revert(ctx, fresh.DB, created, models))
		done, err = history.Revert(ctx, fresh.DB, created, models, history.Force())
		must(t, err)
		say(done, err)
		gone, err := history.Of(db.DB, &v).Newest().First(ctx)
		must(t, err)
		done, err = history.Revert(ctx, fresh.DB, gone, models, history.SkipUnknown())
		must(t, err)
		say(done, err)
		got = vault{}
		must(t, db.First(&got, v.ID).Error)
		if got.Owner != "ada" || got.Code != "" || strings.Contains(fmt.Sprint(got), "***") {
			t.Errorf("inserted again: %+v", got)
		}
		changes, err := history.Diff(ctx, db.DB, &v, history.After(created), time.Now())
		must(t, err)
		lines, err := history.Blame(ctx, db.DB, &v)
		must(t, err)
		said = append(said, fmt.Sprintf("%+v %+v", changes, lines))
		for _, e := range oracle.Trail(t, db.Raw, g.Dialect) {
			said = append(said, fmt.Sprintf("%+v", e))
		}
		for _, s := range said {
			if strings.Contains(s, "hidden-") {
				t.Errorf("a secret shows: %s", s)
			}
		}
	})
}

// A change between the check and the write is not lost: either it is seen as a
// conflict, or it waits and comes out on top.
func TestRevertLosesNoUpdate(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		db := g.Open(t, migrated(&parcel{}))
		ctx := context.Background()
		p := parcel{Name: "start"}
		must(t, db.Create(&p).Error)
		conflicts, reverted := 0, 0
		for round := range 25 {
			must(t, db.Model(&p).Update("name", fmt.Sprint("wrong ", round)).Error)
			wrong, err := history.Of(db.DB, &p).Newest().First(ctx)
			must(t, err)
			var wait sync.WaitGroup
			wait.Add(1)
			go func() {
				defer wait.Done()
				time.Sleep(time.Duration(round%5) * 500 * time.Microsecond)
				if err := db.Model(&parcel{ID: p.ID}).Update("name", fmt.Sprint("other ", round)).Error; err != nil {
					t.Errorf("the other writer: %v", err)
				}
			}()
			_, err = history.Revert(ctx, db.DB, wrong)
			wait.Wait()
			switch {
			case errors.Is(err, history.ErrConflict):
				conflicts++
			case err != nil:
				t.Fatalf("round %d: %v", round, err)
			default:
				reverted++
			}
			var got parcel
			must(t, db.First(&got, p.ID).Error)
			if got.Name != fmt.Sprint("other ", round) {
				t.Fatalf("round %d: the other change is lost: %+v (the revert: %v)", round, got, err)
			}
		}
		t.Logf("%d conflicts, %d reverted before the other write", conflicts, reverted)
	})
}

// A revert waits for a row that somebody has changed and not committed, and then
// sees the change.
func TestRevertWaitsForTheRow(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		db := g.Open(t, migrated(&parcel{}))
		ctx := context.Background()
		p := parcel{Name: "start"}
		must(t, db.Create(&p).Error)
		must(t, db.Model(&p).Update("name", "wrong").Error)
		wrong, err := history.Of(db.DB, &p).Newest().First(ctx)
		must(t, err)
		tx := db.Begin()
		must(t, tx.Model(&p).Update("name", "pending").Error)
		result := make(chan error, 1)
		go func() {
			_, err := history.Revert(ctx, db.DB, wrong)
			result <- err
		}()
		select {
		case err := <-result:
			t.Errorf("it did not wait: %v", err)
			result <- err
		case <-time.After(150 * time.Millisecond):
		}
		must(t, tx.Commit().Error)
		if err := <-result; !errors.Is(err, history.ErrConflict) {
			t.Errorf("got %v", err)
		}
	})
}

type depot struct {
	ID    uint
	Name  string `gorm:"size:40;uniqueIndex"`
	Crate []crate
}

type crate struct {
	ID      uint
	DepotID uint
	Depot   depot
}

// What the database refuses is passed through, and nothing is half done.
func TestRevertRefusedByTheDatabase(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		db := g.Open(t, migrated(&depot{}, &crate{}), testdb.WithGORM(func(c *gorm.Config) { c.TranslateError = true }))
		ctx := context.Background()
		d := depot{Name: "a"}
		must(t, db.Create(&d).Error)
		made, err := history.Of(db.DB, &d).First(ctx)
		must(t, err)
		must(t, db.Model(&d).Update("name", "b").Error)
		renamed, err := history.Of(db.DB, &d).Newest().First(ctx)
		must(t, err)
		must(t, db.Create(&depot{Name: "a"}).Error)
		if _, err := history.Revert(ctx, db.DB, renamed); !errors.Is(err, gorm.ErrDuplicatedKey) {
			t.Errorf("a unique key: %v", err)
		}
		c := crate{DepotID: d.ID}
		must(t, db.Create(&c).Error)
		if _, err := history.Revert(ctx, db.DB, made, history.Force()); !errors.Is(err, gorm.ErrForeignKeyViolated) {
			t.Errorf("a foreign key: %v", err)
		}
		must(t, db.Delete(&c).Error)
		deleted, err := history.Of(db.DB, &c).Newest().First(ctx)
		must(t, err)
		must(t, db.Delete(&d).Error)
		if _, err := history.Revert(ctx, db.DB, deleted); !errors.Is(err, gorm.ErrForeignKeyViolated) {
			t.Errorf("a parent that is gone: %v", err)
		}
		// Both, in the right order, in one transaction of the caller's.
		parent, err := history.Of(db.DB, &d).Newest().First(ctx)
		must(t, err)
		must(t, db.Transaction(func(tx *gorm.DB) error {
			for _, r := range []audit.Record{parent, deleted} {
				if _, err := history.Revert(ctx, tx, r); err != nil {
					return err
				}
			}
			return nil
		}))
		var n int64
		must(t, db.Model(&crate{}).Where("depot_id = ?", d.ID).Count(&n).Error)
		if n != 1 {
			t.Errorf("%d crates", n)
		}
		if r, err := history.Search(db.DB).Cause(deleted.ID).First(ctx); err != nil || r.Action != audit.Create || r.RecordID != deleted.RecordID {
			t.Errorf("its record: %+v, %v", r, err)
		}
	})
}
