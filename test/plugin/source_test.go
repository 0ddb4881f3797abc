package plugin_test

import (
	"runtime"
	"strings"
	"testing"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/audit"
)

// hooked makes a row of its own while it is saved.
type hooked struct {
	ID   uint
	Name string

	line int // of the hook's call
}

func (h *hooked) AfterCreate(tx *gorm.DB) error {
	h.line = line() + 1
	return tx.Create(&pet{Name: "of " + h.Name}).Error
}

// line is the line that calls it.
func line() int {
	_, _, n, _ := runtime.Caller(1)
	return n
}

// A record names the line of the application: the one that called GORM, not one of
// GORM or of the plugin.
func TestSource(t *testing.T) {
	const file = "test/plugin/source_test.go"
	db, _, memory := audited(t)
	if err := db.Migrator().CreateTable(&hooked{}); err != nil {
		t.Fatal(err)
	}
	prepared := db.Session(&gorm.Session{PrepareStmt: true})
	lenient, _, lenientMemory := audited(t, auditplugin.WithFailurePolicy(auditplugin.KeepWrite))
	memoryOf := map[*gorm.DB]func() []audit.Record{db: memory.Records, prepared: memory.Records, lenient: lenientMemory.Records}
	u := user{ID: 9, Name: "Ada"}
	for name, c := range map[string]struct {
		on *gorm.DB
		do func(db *gorm.DB) (int, error) // returns the line of the call
	}{
		"create": {db, func(db *gorm.DB) (int, error) { return line(), db.Create(&user{Name: "x"}).Error }},
		"association": {db, func(db *gorm.DB) (int, error) {
			return line(), db.Create(&user{Name: "x", Pets: []pet{{Name: "Rex"}}}).Error
		}},
		"append": {db, func(db *gorm.DB) (int, error) {
			return line(), db.Model(&u).Association("Pets").Append(&pet{Name: "Rex"})
		}},
		"save": {db, func(db *gorm.DB) (int, error) { return line(), db.Save(&user{Name: "x"}).Error }},
		"batches": {db, func(db *gorm.DB) (int, error) {
			return line(), db.CreateInBatches([]user{{Name: "x"}, {Name: "y"}}, 1).Error
		}},
		"generics": {db, func(db *gorm.DB) (int, error) { return line(), gorm.G[user](db).Create(t.Context(), &user{Name: "x"}) }},
		"raw":      {db, func(db *gorm.DB) (int, error) { return line(), db.Exec("UPDATE users SET age = age + 1").Error }},
		"event":    {db, func(db *gorm.DB) (int, error) { return line(), auditplugin.Event(db, audit.Record{Message: "x"}) }},
		"prepared": {prepared, func(db *gorm.DB) (int, error) { return line(), db.Create(&user{Name: "x"}).Error }},
		"lenient":  {lenient, func(db *gorm.DB) (int, error) { return line(), db.Create(&user{Name: "x"}).Error }},
		"transaction": {db, func(db *gorm.DB) (n int, err error) {
			err = db.Transaction(func(tx *gorm.DB) error {
				n = line() + 1
				return tx.Create(&user{Name: "x"}).Error
			})
			return n, err
		}},
	} {
		t.Run(name, func(t *testing.T) {
			before := len(memoryOf[c.on]())
			want, err := c.do(c.on)
			if err != nil {
				t.Fatal(err)
			}
			records := memoryOf[c.on]()[before:]
			if len(records) == 0 {
				t.Fatal("nothing was recorded")
			}
			for _, r := range records {
				if r.Source.File != file || r.Source.Line != want || !strings.Contains(r.Source.Function, "TestSource") {
					t.Errorf("%s of %s: %+v, want line %d", r.Action, r.RecordType, r.Source, want)
				}
			}
		})
	}

	// A hook is the application's own line.
	memory.Reset()
	h := hooked{Name: "h"}
	want := line() + 1
	must(t, db.Create(&h))
	records := memory.Records()
	if len(records) != 2 || records[0].Source.Line != want || records[1].Source.Line != h.line || !strings.Contains(records[1].Source.Function, "AfterCreate") {
		t.Errorf("sources are %+v, want lines %d and %d", records, want, h.line)
	}
}

func TestActorWarningOncePerLine(t *testing.T) {
	var log lines
	db, _, _ := audited(t, auditplugin.WithLogger(textLogger(&log)))
	known := db.WithContext(audit.WithActor(t.Context(), audit.Actor{ID: "1"}))
	must(t, known.Create(&user{Name: "Ada"}))
	if log.String() != "" {
		t.Fatalf("a write with an actor was warned of: %s", log.String())
	}
	for range 3 {
		must(t, db.Create(&user{Name: "Ada"}))
	}
	if n := strings.Count(log.String(), "\n"); n != 1 {
		t.Errorf("%d warnings of one line, want 1:\n%s", n, log.String())
	}
	if text := log.String(); !strings.Contains(text, "level=WARN") || !strings.Contains(text, "source_test.go") || !strings.Contains(text, "model=user") {
		t.Errorf("the warning says %s", text)
	}
	must(t, db.Model(&user{ID: 1}).Update("age", 36))
	if n := strings.Count(log.String(), "\n"); n != 2 {
		t.Errorf("%d warnings of two lines, want 2:\n%s", n, log.String())
	}
}
