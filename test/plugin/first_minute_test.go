package plugin_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"strings"
	"testing"

	"gorm.io/driver/sqlite"
	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/emitter"
	"github.com/gorm-audit/auditplugin/history"
)

// member is an ordinary model: nothing in it knows of the plugin.
type member struct {
	ID       uint
	Name     string
	MFAPhone string
	Password string
}

// Install, change, ask.
func TestWhoChangedThePhone(t *testing.T) {
	db := database(t)
	noError(t, db.Use(auditplugin.New())) // this is all

	ctx := audit.WithActor(t.Context(), audit.Actor{ID: "7", Type: "user", Name: "Ada"})
	ctx = audit.WithReason(ctx, "ticket 1234")
	grace := member{Name: "Grace", MFAPhone: "+12345678900"}
	noError(t, db.WithContext(ctx).Create(&grace).Error)
	noError(t, db.WithContext(ctx).Model(&grace).Update("mfa_phone", "+19876543210").Error)

	records, err := history.Of(db, &grace).Column("mfa_phone").Newest().Find(ctx)
	noError(t, err)
	if len(records) != 1 {
		t.Fatalf("the phone was changed %d times, want once", len(records))
	}
	last := records[0]
	if last.Action != audit.Update || last.Actor.Name != "Ada" || last.Reason != "ticket 1234" {
		t.Errorf("%s by %q because of %q", last.Action, last.Actor.Name, last.Reason)
	}
	if !maps.Equal(last.Before, map[string]any{"mfa_phone": "+12345678900"}) ||
		!maps.Equal(last.After, map[string]any{"mfa_phone": "+19876543210"}) {
		t.Errorf("changed from %v to %v", last.Before, last.After)
	}
	if filepath.Base(last.Source.File) != "first_minute_test.go" {
		t.Errorf("changed at %+v, want this file", last.Source)
	}
}

// What is rolled back is neither recorded nor announced.
func TestRolledBackLeavesNoRecord(t *testing.T) {
	var announced []audit.Record
	db := database(t)
	noError(t, db.Use(auditplugin.New(auditplugin.WithEmitter(
		emitter.Table(), // in the transaction
		emitter.Func(func(_ context.Context, records []audit.Record) error { // after it committed
			announced = append(announced, records...)
			return nil
		}),
	))))
	ctx := audit.WithActor(t.Context(), audit.Actor{ID: "7"})
	changed := errors.New("changed our mind")
	for _, ending := range []error{changed, nil} {
		err := db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
			noError(t, tx.Create(&member{Name: "Grace"}).Error)
			return ending
		})
		if !errors.Is(err, ending) {
			t.Errorf("the transaction returned %v, want %v", err, ending)
		}
		want := 1
		if ending != nil {
			want = 0
		}
		recorded, err := history.Search(db).Find(ctx)
		noError(t, err)
		if len(recorded) != want || len(announced) != want {
			t.Errorf("after a transaction that ended with %v: %d recorded, %d announced, want %d", ending, len(recorded), len(announced), want)
		}
	}
}

// A secret that changes is recorded as changed, and not shown.
func TestSecretIsNotRecorded(t *testing.T) {
	db := database(t)
	noError(t, db.Use(auditplugin.New()))
	ctx := audit.WithActor(t.Context(), audit.Actor{ID: "7"})
	grace := member{Name: "Grace", Password: "hunter2"}
	noError(t, db.WithContext(ctx).Create(&grace).Error)
	noError(t, db.WithContext(ctx).Model(&grace).Update("password", "hunter3").Error)

	records, err := history.Of(db, &grace).Newest().Find(ctx)
	noError(t, err)
	if last := records[0]; len(last.Changed) != 1 || last.Changed[0] != "password" || last.After["password"] != "***" {
		t.Errorf("changed are %v, to %v", last.Changed, last.After)
	}
	var rows []map[string]any
	noError(t, db.Table("audit_logs").Find(&rows).Error)
	if text := fmt.Sprint(rows); strings.Contains(text, "hunter") || !strings.Contains(text, `"password":"***"`) {
		t.Errorf("the audit table holds %s", text)
	}
}

// database is an empty one, with a table for members.
func database(t *testing.T) *gorm.DB {
	t.Helper()
	db, err := gorm.Open(sqlite.Open(filepath.Join(t.TempDir(), "test.db")))
	noError(t, err)
	pool, err := db.DB()
	noError(t, err)
	t.Cleanup(func() { _ = pool.Close() })
	noError(t, db.AutoMigrate(&member{}))
	return db
}

func noError(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
