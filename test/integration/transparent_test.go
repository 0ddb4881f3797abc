package integration

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/gorm-audit/auditplugin/test/integration/testdb"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/logger"
)

// Hooked writes down which of its hooks GORM calls.
type Hooked struct {
	ID        uint
	Name      string `gorm:"size:40;uniqueIndex"`
	Level     int    `gorm:"default:7"`
	CreatedAt time.Time
	UpdatedAt time.Time
}

func (h *Hooked) note(tx *gorm.DB, hook string) error {
	if calls, ok := tx.Get("calls"); ok {
		list := calls.(*[]string)
		*list = append(*list, fmt.Sprintf("%s %d %s %d %t", hook, h.ID, h.Name, tx.RowsAffected, tx.Statement.SkipHooks))
	}
	if h.Name == "refused" {
		return errOnPurpose
	}
	return nil
}

// BeforeSave and the others are GORM's hooks.
func (h *Hooked) BeforeSave(tx *gorm.DB) error   { return h.note(tx, "BeforeSave") }
func (h *Hooked) AfterSave(tx *gorm.DB) error    { return h.note(tx, "AfterSave") }
func (h *Hooked) BeforeCreate(tx *gorm.DB) error { return h.note(tx, "BeforeCreate") }
func (h *Hooked) AfterCreate(tx *gorm.DB) error  { return h.note(tx, "AfterCreate") }
func (h *Hooked) BeforeUpdate(tx *gorm.DB) error { return h.note(tx, "BeforeUpdate") }
func (h *Hooked) AfterUpdate(tx *gorm.DB) error  { return h.note(tx, "AfterUpdate") }
func (h *Hooked) BeforeDelete(tx *gorm.DB) error { return h.note(tx, "BeforeDelete") }
func (h *Hooked) AfterDelete(tx *gorm.DB) error  { return h.note(tx, "AfterDelete") }
func (h *Hooked) AfterFind(tx *gorm.DB) error    { return h.note(tx, "AfterFind") }

// transcript collects what the application can see of its writes.
type transcript struct {
	logger.Interface
	lines []string
	calls []string
}

// LogMode implements logger.Interface.
func (l *transcript) LogMode(logger.LogLevel) logger.Interface { return l }

// Trace implements logger.Interface: GORM's log of SQL is part of what is compared.
func (l *transcript) Trace(_ context.Context, _ time.Time, query func() (string, int64), err error) {
	sql, rows := query()
	l.lines = append(l.lines, fmt.Sprintf("log: %s %d %v", sql, rows, err))
}

func (l *transcript) write(what string, tx *gorm.DB, values ...any) {
	l.lines = append(l.lines, fmt.Sprintf("%s: error %v, rows %d", what, tx.Error, tx.RowsAffected))
	for _, v := range values {
		l.lines = append(l.lines, fmt.Sprintf("  value %+v", v))
	}
	l.lines = append(l.lines, l.calls...)
	l.calls = nil
}

// perform writes in many ways and returns all that came back.
func perform(db *gorm.DB) []string {
	fixed := time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC)
	l := &transcript{Interface: logger.Discard}
	tx := db.Session(&gorm.Session{Logger: l, NowFunc: func() time.Time { return fixed }}).Set("calls", &l.calls)
	tx = tx.Session(&gorm.Session{})
	one := Hooked{Name: "one"}
	l.write("create", tx.Create(&one), one)
	many := []Hooked{{Name: "two"}, {Name: "three", Level: 3}, {ID: 50, Name: "fifty"}}
	l.write("create many", tx.Create(&many), many)
	l.write("duplicate", tx.Create(&Hooked{Name: "one"}))
	l.write("refused", tx.Create(&Hooked{Name: "refused"}))
	rows := map[string]any{"name": "map"}
	l.write("create map", tx.Model(&Hooked{}).Create(rows), rows["name"])
	l.write("save", tx.Save(&Hooked{ID: 1, Name: "uno", CreatedAt: fixed}))
	l.write("save absent", tx.Save(&Hooked{ID: 90, Name: "ninety", CreatedAt: fixed}))
	l.write("update", tx.Model(&one).Update("level", 9), one)
	l.write("update same", tx.Model(&one).UpdateColumn("level", 9), one)
	l.write("update expression", tx.Model(&one).Update("level", gorm.Expr("level + 1")), one)
	l.write("update many", tx.Model(&Hooked{}).Where("level < ?", 8).Updates(map[string]any{"level": 8}))
	l.write("update none", tx.Model(&Hooked{ID: 777}).Update("level", 1))
	l.write("update bad column", tx.Model(&Hooked{ID: 1}).Update("nothing", 1))
	l.write("update no condition", tx.Model(&Hooked{}).Update("level", 1))
	l.write("update to duplicate", tx.Model(&Hooked{ID: 1}).Update("name", "two"))
	up := []Hooked{{Name: "two", Level: 20}, {Name: "four", Level: 4}}
	l.write("upsert", tx.Clauses(clause.OnConflict{Columns: onName, DoUpdates: clause.AssignmentColumns([]string{"level"})}).Create(&up))
	skip := []Hooked{{Name: "two"}}
	l.write("do nothing", tx.Clauses(clause.OnConflict{DoNothing: true}).Create(&skip))
	var found Hooked
	l.write("first or create", tx.Where(Hooked{Name: "five"}).Assign(Hooked{Level: 5}).FirstOrCreate(&found), found)
	l.write("delete", tx.Delete(&one), one)
	l.write("delete none", tx.Delete(&Hooked{}, 777))
	var gone []Hooked
	l.write("delete many", tx.Clauses(clause.Returning{}).Where("level = ?", 8).Delete(&gone), gone)
	l.write("delete no condition", tx.Delete(&Hooked{}))
	l.write("exec", tx.Exec("UPDATE hookeds SET level = 1 WHERE level > 10"))
	var names []string
	l.write("raw", tx.Raw("SELECT name FROM hookeds ORDER BY name").Scan(&names), names)
	var n int64
	l.write("count", tx.Model(&Hooked{}).Count(&n), n)
	err := tx.Transaction(func(tx *gorm.DB) error {
		l.write("in transaction", tx.Create(&Hooked{Name: "in"}))
		inner := tx.Transaction(func(tx *gorm.DB) error { return tx.Create(&Hooked{Name: "in"}).Error })
		l.lines = append(l.lines, fmt.Sprint("fails in it: ", inner))
		return nil
	})
	l.lines = append(l.lines, fmt.Sprint("transaction: ", err))
	return l.lines
}

// unstable are addresses and the names that GORM gives to savepoints.
var unstable = regexp.MustCompile(`0x[0-9a-f]+|\bsp[0-9]+`)

// What comes back from a write, what is logged and which hooks run are the same
// with the plugin and without it.
func TestTransparent(t *testing.T) {
	for name, change := range map[string]func(*gorm.Config){
		"default":    func(*gorm.Config) {},
		"prepared":   func(c *gorm.Config) { c.PrepareStmt = true },
		"skipping":   func(c *gorm.Config) { c.SkipDefaultTransaction = true },
		"translated": func(c *gorm.Config) { c.TranslateError = true },
	} {
		t.Run(name, func(t *testing.T) {
			testdb.Each(t, func(t *testing.T, g testdb.Target) {
				off := perform(bareHooked(t, g, testdb.WithGORM(change), testdb.WithoutPlugin()))
				on := perform(bareHooked(t, g, testdb.WithGORM(change)))
				for i := range min(len(off), len(on)) {
					a, b := unstable.ReplaceAllString(off[i], "~"), unstable.ReplaceAllString(on[i], "~")
					if a != b {
						t.Fatalf("line %d, after\n  %s\nwithout the plugin is\n  %s\nwith it\n  %s", i, strings.Join(off[max(0, i-3):i], "\n  "), a, b)
					}
				}
				if len(off) != len(on) {
					t.Errorf("%d lines without the plugin, %d with it", len(off), len(on))
				}
			})
		})
	}
}

func bareHooked(t *testing.T, g testdb.Target, options ...testdb.Option) *gorm.DB {
	t.Helper()
	d := g.Open(t, options...)
	if err := d.AutoMigrate(&Hooked{}); err != nil {
		t.Fatal(err)
	}
	return d.DB
}
