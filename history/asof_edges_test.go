package history_test

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/emitter"
	"github.com/gorm-audit/auditplugin/history"
)

// The records may be in another database, under another name.
func TestRowsFromAnotherDatabase(t *testing.T) {
	other, err := gorm.Open(sqlite.Open(filepath.Join(t.TempDir(), "audit.db")), &gorm.Config{Logger: logger.Discard})
	must(t, err)
	pool, err := other.DB()
	must(t, err)
	t.Cleanup(func() { pool.Close() })
	db := open(t, []any{&user{}}, auditplugin.WithEmitter(emitter.Table(emitter.On(other), emitter.Name("trail"))))
	ctx := context.Background()
	there := history.Asking(func(q history.Query) history.Query { return q.In(other).AuditTable("trail") })
	u := user{Name: "Ada", Phone: "1"}
	must(t, db.Create(&u).Error)
	created, err := history.Of(db, &u).In(other).AuditTable("trail").First(ctx)
	must(t, err)
	must(t, db.Model(&u).Update("phone", "2").Error)
	got := user{ID: u.ID}
	must(t, history.AsOf(ctx, db, &got, history.After(created), there))
	if got.Phone != "1" {
		t.Errorf("got %+v", got)
	}
	_, err = history.RevertTo(ctx, db, &u, history.After(created), there)
	must(t, err)
	must(t, db.First(&got, u.ID).Error)
	if got.Phone != "1" {
		t.Errorf("set back: %+v", got)
	}
	time.Sleep(2 * time.Millisecond)
	done, err := history.Prune(ctx, db, history.PruneOptions{OlderThan: time.Now()}, there)
	must(t, err)
	if done.Deleted != 3 {
		t.Errorf("%+v", done)
	}
	if err := history.AsOf(ctx, db, &got, history.After(created), there); !errors.Is(err, history.ErrPruned) {
		t.Errorf("got %v", err)
	}
}

func TestRowsWithRenamedColumn(t *testing.T) {
	db := open(t, []any{&user{}})
	ctx := context.Background()
	u := user{Name: "Ada", Phone: "1"}
	must(t, db.Create(&u).Error)
	created := newest(t, db)
	must(t, db.Model(&u).Update("phone", "2").Error)
	must(t, db.Exec(`UPDATE audit_logs SET before = replace(before, '"phone"', '"tel"'), after = replace(after, '"phone"', '"tel"'),
		changed = replace(changed, '"phone"', '"tel"'), changes = replace(changes, '"phone"', '"tel"')`).Error)
	got := user{ID: u.ID}
	var unknown *history.UnknownError
	err := history.AsOf(ctx, db, &got, history.After(created))
	if !errors.As(err, &unknown) || !slices.Equal(unknown.Lost, []string{"phone"}) { // nobody said that it is the same column
		t.Errorf("got %+v, %v", got, err)
	}
	dropped := history.Asking(func(q history.Query) history.Query { return q.Dropped("tel") })
	must(t, history.AsOf(ctx, db, &got, history.After(created), dropped))
	if got.Phone != "2" {
		t.Errorf("got %+v", got)
	}
	renamed := history.Asking(func(q history.Query) history.Query { return q.Alias("tel", "phone") })
	must(t, history.AsOf(ctx, db, &got, history.After(created), renamed))
	if got.Phone != "1" {
		t.Errorf("got %+v", got)
	}
	lines, err := history.Blame(ctx, db, &u, renamed)
	must(t, err)
	if lines[2].Record == nil || lines[2].Record.Action != audit.Update {
		t.Errorf("%+v", lines[2])
	}
	// A column that is gone cannot be set back.
	if _, err := history.Revert(ctx, db, *lines[2].Record); !errors.Is(err, history.ErrUnknown) {
		t.Errorf("got %v", err)
	}
	_, err = history.Revert(ctx, db, *lines[2].Record, renamed)
	must(t, err)
}

func TestRowsOfRenamedTable(t *testing.T) {
	db := open(t, []any{&user{}})
	ctx := context.Background()
	must(t, db.Exec("ALTER TABLE users RENAME TO people").Error)
	must(t, db.Table("people").Create(map[string]any{"id": 1, "name": "Ada", "phone": "1"}).Error)
	created := newest(t, db)
	must(t, db.Exec("ALTER TABLE people RENAME TO users").Error)
	must(t, db.Model(&user{ID: 1}).Update("phone", "2").Error)
	renamed := history.Asking(func(q history.Query) history.Query { return q.Formerly("people") })
	got := user{ID: 1}
	must(t, history.AsOf(ctx, db, &got, history.After(created), renamed))
	if got.Phone != "1" {
		t.Errorf("got %+v", got)
	}
	if err := history.AsOf(ctx, db, &got, history.Before(created), renamed); !errors.Is(err, history.ErrNotFound) {
		t.Errorf("before its creation: %+v, %v", got, err)
	}
	lines, err := history.Blame(ctx, db, &got, renamed)
	must(t, err)
	if lines[1].Record == nil || lines[1].Record.Table != "people" {
		t.Errorf("%+v", lines[1])
	}
}

type badge struct {
	Mail  string `gorm:"primaryKey" audit:"hash"`
	Owner string
}

// Rows whose keys are hashed in the records are found by their hash.
func TestRowsWithHashedKey(t *testing.T) {
	db := open(t, []any{&badge{}}, auditplugin.WithHashKey([]byte("0123456789abcdef")))
	ctx := context.Background()
	must(t, db.Create(&badge{"a@example.test", "Ada"}).Error)
	created := newest(t, db)
	must(t, db.Model(&badge{Mail: "a@example.test"}).Update("owner", "Eve").Error)
	got := badge{Mail: "a@example.test"}
	must(t, history.AsOf(ctx, db, &got, history.After(created)))
	if got != (badge{"a@example.test", "Ada"}) {
		t.Errorf("got %+v", got)
	}
	n := 0
	for row, err := range history.AsOfAll[badge](ctx, db, history.After(created)) {
		must(t, err)
		n++
		if row.Owner != "Ada" {
			t.Errorf("got %+v", row)
		}
	}
	if n != 1 {
		t.Errorf("%d rows", n)
	}
	_, err := history.RevertTo(ctx, db, &badge{Mail: "a@example.test"}, history.After(created))
	must(t, err)
	// The record alone does not tell which row it is about.
	if _, err := history.Revert(ctx, db, newest(t, db)); !errors.Is(err, history.ErrRedacted) {
		t.Errorf("got %v", err)
	}
}

type crate struct {
	ID   uint
	W, H int
	Area int `gorm:"->;type:int GENERATED ALWAYS AS (w * h) STORED"`
}

func TestRowsWithGeneratedColumn(t *testing.T) {
	db := open(t, []any{&crate{}})
	ctx := context.Background()
	c := crate{W: 2, H: 3}
	must(t, db.Create(&c).Error)
	created := newest(t, db)
	must(t, db.Model(&c).Update("w", 5).Error)
	updated := newest(t, db)
	got := crate{ID: c.ID}
	must(t, history.AsOf(ctx, db, &got, history.After(created)))
	if got != (crate{c.ID, 2, 3, 6}) {
		t.Errorf("got %+v", got)
	}
	_, err := history.Revert(ctx, db, updated)
	must(t, err)
	must(t, db.Delete(&c).Error)
	_, err = history.Revert(ctx, db, newest(t, db))
	must(t, err)
	got = crate{}
	must(t, db.First(&got, c.ID).Error)
	if got != (crate{c.ID, 2, 3, 6}) {
		t.Errorf("got %+v", got)
	}
}

// A revert obeys the rules for writes.
func TestRevertNeedsAReasonToo(t *testing.T) {
	db := open(t, []any{&user{}}, auditplugin.WithRequiredReason(&user{}))
	ctx := audit.WithReason(context.Background(), "why")
	u := user{Name: "Ada"}
	must(t, db.WithContext(ctx).Create(&u).Error)
	created := newest(t, db)
	if _, err := history.Revert(context.Background(), db, created); !errors.Is(err, auditplugin.ErrReasonRequired) {
		t.Errorf("without a reason: %v", err)
	}
	if _, err := history.Revert(ctx, db, created); err != nil {
		t.Error(err)
	}
}

// Times beyond those that the database has are later than all of its own.
func TestMomentsFarAway(t *testing.T) {
	db := open(t, []any{&user{}})
	ctx := context.Background()
	u := user{Name: "Ada"}
	must(t, db.Create(&u).Error)
	far := time.Date(20000, 1, 1, 0, 0, 0, 0, time.UTC)
	got := user{ID: u.ID}
	if must(t, history.AsOf(ctx, db, &got, far)); got.Name != "Ada" {
		t.Errorf("got %+v", got)
	}
	if n, err := history.Search(db).Until(far).Count(ctx); err != nil || n != 1 {
		t.Errorf("%d records, %v", n, err)
	}
	if err := history.AsOf(ctx, db, &got, time.Date(-5, 1, 1, 0, 0, 0, 0, time.UTC)); !errors.Is(err, history.ErrNotFound) {
		t.Errorf("long before: %v", err)
	}
}
