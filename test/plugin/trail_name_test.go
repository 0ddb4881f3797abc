package plugin_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/emitter"
)

// AuditLog is an application's own, with the name that the trail's table has.
type AuditLog struct {
	ID        uint
	UserID    uint
	Event     string
	CreatedAt time.Time
}

// fewer has only columns that the trail's table has, of other types.
type fewer struct {
	Seq     int64 `gorm:"primaryKey"`
	Message string
	Reason  string `gorm:"size:12;index"`
}

func (fewer) TableName() string { return "audit_logs" }

func columnsOf(t *testing.T, db *gorm.DB, table string) []string {
	t.Helper()
	types, err := db.Migrator().ColumnTypes(table)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, c := range types {
		names = append(names, c.Name())
	}
	return names
}

func TestApplicationHasTheTrailsName(t *testing.T) {
	clash := func(what string, err error) {
		t.Helper()
		if !errors.Is(err, emitter.ErrTableMismatch) || !strings.Contains(err.Error(), "emitter.Name") {
			t.Errorf("%s: %v", what, err)
		}
	}
	db := openDB(t, &AuditLog{})
	clash("the application was there first", db.Use(auditplugin.New()))
	must(t, db.Create(&AuditLog{Event: "still its own"}))

	db = openDB(t)
	use(t, db)
	before := columnsOf(t, db, "audit_logs")
	clash("the trail was there first", db.AutoMigrate(&AuditLog{}))
	clash("fewer columns", db.AutoMigrate(&fewer{}))
	clash("in a transaction", db.Transaction(func(tx *gorm.DB) error { return tx.AutoMigrate(&AuditLog{}) }))
	clash("by name", db.Migrator().AddColumn(&AuditLog{}, "UserID"))
	if after := columnsOf(t, db, "audit_logs"); !slices.Equal(before, after) {
		t.Errorf("the trail has %v, had %v", after, before)
	}
	clash("a write", db.Create(&AuditLog{Event: "x"}).Error)
	clash("a deletion", db.Delete(&AuditLog{ID: 1}).Error)
	must(t, db.Create(&user{Name: "still recorded"}))
	if got := trail(t, db); len(got) != 1 {
		t.Errorf("%d records", len(got))
	}

	db = openDB(t)
	use(t, db, auditplugin.WithEmitter(emitter.Table(emitter.Name("audit_trail"))))
	if err := db.AutoMigrate(&AuditLog{}); err != nil {
		t.Fatal(err)
	}
	must(t, db.Create(&AuditLog{Event: "x"}))
	var n int64
	must(t, db.Table("audit_trail").Where("record_type = ?", "audit_log").Count(&n))
	if n != 1 {
		t.Errorf("the application's own is recorded %d times", n)
	}
}
