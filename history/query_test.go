package history_test

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/history"
)

type user struct {
	ID    uint
	Name  string
	Phone string
}

// open makes a database in a file with the plugin installed.
func open(t testing.TB, models []any, opts ...auditplugin.Option) *gorm.DB {
	t.Helper()
	db, err := gorm.Open(sqlite.Open(filepath.Join(t.TempDir(), "test.db")), &gorm.Config{Logger: logger.Discard})
	if err != nil {
		t.Fatal(err)
	}
	sqlDB, err := db.DB()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { sqlDB.Close() })
	if err := db.AutoMigrate(models...); err != nil {
		t.Fatal(err)
	}
	opts = append(opts, auditplugin.WithLogger(slog.New(slog.DiscardHandler)))
	if err := db.Use(auditplugin.New(opts...)); err != nil {
		t.Fatal(err)
	}
	return db
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestOfTrail(t *testing.T) {
	db := open(t, []any{&user{}})
	ctx := context.Background()
	ada, eve := user{Name: "Ada"}, user{Name: "Eve"}
	must(t, db.Create(&ada).Error)
	must(t, db.Create(&eve).Error)
	must(t, db.Model(&ada).Update("phone", "1").Error)
	must(t, db.Delete(&ada).Error)

	for _, model := range []any{ada, &ada, &user{ID: ada.ID}} {
		records, err := history.Of(db, model).Find(ctx)
		must(t, err)
		if got := actions(records); got != "create update delete" {
			t.Errorf("trail of %T: %s", model, got)
		}
	}
	records, err := history.Of(db, &ada).Newest().Limit(2).Find(ctx)
	must(t, err)
	if got := actions(records); got != "delete update" {
		t.Errorf("newest two: %s", got)
	}
	if n, err := history.Search(db).Limit(1).Count(ctx); err != nil || n != 4 {
		t.Errorf("count: %d, %v", n, err)
	}
	if _, err := history.Of(db, &user{ID: 99}).First(ctx); !errors.Is(err, history.ErrNotFound) {
		t.Errorf("first of none: %v", err)
	}
	if _, err := history.Of(db, &user{}).Find(ctx); !errors.Is(err, history.ErrNoKey) {
		t.Errorf("without a key: %v", err)
	}
	var streamed []audit.Record
	for r, err := range history.Search(db).All(ctx) {
		must(t, err)
		streamed = append(streamed, r)
	}
	if got := actions(streamed); got != "create create update delete" {
		t.Errorf("all: %s", got)
	}
}

func actions(records []audit.Record) string {
	text := ""
	for i, r := range records {
		if i > 0 {
			text += " "
		}
		text += string(r.Action)
	}
	return text
}

// A Query may be shared: each goroutine narrows it in its own way.
func TestQueryShared(t *testing.T) {
	db := open(t, []any{&user{}})
	for i := range 8 {
		ctx := audit.WithActor(t.Context(), audit.Actor{ID: strconv.Itoa(i)})
		must(t, db.WithContext(ctx).Create(&user{Name: "Ada"}).Error)
	}
	base := history.Search(db).Action(audit.Create).Type("user")
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			q := base.Actor(strconv.Itoa(i)).Since(time.Now().Add(-time.Hour)).To("name", "Ada")
			for range 5 {
				records, err := q.Newest().Find(t.Context())
				if err != nil || len(records) != 1 || records[0].Actor.ID != strconv.Itoa(i) {
					t.Errorf("actor %d: %v, %v", i, records, err)
				}
			}
		})
	}
	group.Wait()
	if n, err := base.Count(t.Context()); err != nil || n != 8 {
		t.Errorf("base: %d, %v", n, err)
	}
}
