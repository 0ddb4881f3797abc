package history_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"testing"

	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/history"
)

type holder struct {
	ID       uint
	Name     string
	Phone    string `audit:"mask"`
	Card     string `audit:"hash"`
	Notes    string `audit:"-"`
	Password string
	Active   bool
}

// stranger opens the file of db in a program that knows no models.
func stranger(t testing.TB, db *gorm.DB, opts ...auditplugin.Option) *gorm.DB {
	t.Helper()
	var file string
	must(t, db.Raw("SELECT file FROM pragma_database_list WHERE name = 'main'").Scan(&file).Error)
	other, err := gorm.Open(sqlite.Open(file), &gorm.Config{Logger: logger.Discard})
	must(t, err)
	pool, err := other.DB()
	must(t, err)
	t.Cleanup(func() { pool.Close() })
	if opts != nil {
		must(t, other.Use(auditplugin.New(append(opts, auditplugin.WithLogger(slog.New(slog.DiscardHandler)))...)))
	}
	return other
}

func TestTableRowIsWhatAModelWouldBe(t *testing.T) {
	ctx := context.Background()
	db := open(t, []any{&holder{}}, auditplugin.WithHashKey(make([]byte, 32)))
	h := holder{Name: "Ada", Phone: "+4912345", Card: "4111", Notes: "private", Password: "hunter2", Active: true}
	must(t, db.Create(&h).Error)
	made := newest(t, db)
	must(t, db.Model(&h).Update("name", "Grace").Error)
	plain := stranger(t, db)
	row := history.TableRow{Table: "holders", Key: []any{"1"}}

	must(t, history.AsOf(ctx, plain, &row, history.After(made)))
	if row.Values["name"] != "Ada" || row.Values["active"] != true {
		t.Errorf("then: %v", row.Values)
	}
	for _, secret := range []string{"phone", "card", "password"} {
		if row.Values[secret] != "***" {
			t.Errorf("%s is shown as %v", secret, row.Values[secret])
		}
	}
	if _, shown := row.Values["notes"]; shown || slices.Contains(row.Columns, "notes") {
		t.Errorf("what is never recorded is shown: %v", row.Values)
	}

	lines, err := history.Blame(ctx, plain, &row)
	must(t, err)
	by := map[string]int64{}
	for _, l := range lines {
		if l.Record != nil {
			by[l.Column] = l.Record.Seq
		}
	}
	if by["name"] != made.Seq+1 || by["phone"] != made.Seq {
		t.Errorf("blame: %v", by)
	}

	changes, err := history.Diff(ctx, plain, &row, history.Before(made), history.After(newest(t, db)))
	must(t, err)
	if len(changes) == 0 {
		t.Error("no difference")
	}

	trail, err := history.Of(plain, &row).Find(ctx)
	must(t, err)
	if len(trail) != 2 {
		t.Errorf("%d records, want 2", len(trail))
	}
}

func TestTableRowIsSetBack(t *testing.T) {
	ctx := audit.WithReason(context.Background(), "ticket 7")
	db := open(t, []any{&holder{}}, auditplugin.WithHashKey(make([]byte, 32)))
	h := holder{Name: "Ada", Phone: "+4912345", Card: "4111", Notes: "private"}
	must(t, db.Create(&h).Error)
	made := newest(t, db)
	must(t, db.Model(&h).Updates(map[string]any{"name": "Grace", "active": true}).Error)

	secret, err := history.HiddenColumns(ctx, db, "holders")
	must(t, err)
	if want := []string{"holders.card", "holders.notes", "holders.password", "holders.phone"}; !slices.Equal(secret, want) {
		t.Fatalf("secrets: %q, want %q", secret, want)
	}
	other := stranger(t, db, auditplugin.WithoutColumns(secret...))
	row := history.TableRow{Table: "holders", Key: []any{h.ID}}
	if _, err := history.RevertTo(ctx, other, &row, history.After(made)); !errors.Is(err, history.ErrNoModel) {
		t.Errorf("without Tables: %v", err)
	}
	done, err := history.RevertTo(ctx, other, &row, history.After(made), history.Tables("holders"))
	must(t, err)
	var now holder
	must(t, db.First(&now, h.ID).Error)
	if now.Name != "Ada" || now.Active || now.Phone != h.Phone || len(done.Steps) != 1 {
		t.Errorf("after: %+v, %+v", now, done)
	}
	if r := newest(t, db); r.Reason != "ticket 7" || r.Cause == "" {
		t.Errorf("the record of it: %+v", r)
	}

	// Taking back the creation deletes the row, whose secrets stay out of the records.
	_, err = history.Revert(ctx, other, made, history.Tables("holders"), history.Force())
	must(t, err)
	for _, column := range []string{"phone", "card", "notes"} {
		if v, shown := newest(t, db).Before[column]; shown {
			t.Errorf("the record of the deletion shows %s: %v", column, v)
		}
	}
}

func TestTableRowMistakes(t *testing.T) {
	ctx := context.Background()
	db := open(t, []any{&holder{}}, auditplugin.WithHashKey(make([]byte, 32)))
	must(t, db.Create(&holder{Name: "Ada"}).Error)
	for name, row := range map[string]*history.TableRow{
		"no table": {Key: []any{1}}, "no key": {Table: "holders"}, "two keys": {Table: "holders", Key: []any{1, 2}}, "nil": nil,
	} {
		if err := history.AsOf(ctx, db, row, history.AtSeq(1)); !errors.Is(err, history.ErrInvalidQuery) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := history.AsOf(ctx, db, &history.TableRow{Table: "holders", Key: []any{"2"}}, history.AtSeq(1)); !errors.Is(err, history.ErrNotFound) {
		t.Errorf("another row: %v", err)
	}
	if err := history.AsOf(ctx, db, &history.TableRow{Table: "holders", Key: []any{"1"}}, history.AtSeq(1), history.With("Cards")); !errors.Is(err, history.ErrInvalidQuery) {
		t.Errorf("with associations: %v", err)
	}
}
