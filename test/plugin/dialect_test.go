package plugin_test

import (
	"errors"
	"strings"
	"testing"

	"gorm.io/driver/sqlite"
	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/emitter"
)

// unheard is SQLite by a name that the plugin does not know.
type unheard struct{ gorm.Dialector }

func (unheard) Name() string { return "unheard" }

// On a dialect that is not known, db.Use says what works, and that works.
func TestUnknownDialect(t *testing.T) {
	db := openOn(t, unheard{sqlite.Open(dsn(t))})
	schema, err := emitter.Schema("sqlite")
	if err != nil {
		t.Fatal(err)
	}
	for _, statement := range strings.SplitAfter(schema, ";\n") {
		exec(t, db, statement)
	}
	var log lines
	memory := emitter.Memory()
	use(t, db, auditplugin.WithLogger(textLogger(&log)), auditplugin.WithEmitter(emitter.Table(), memory))
	for _, said := range []string{"level=WARN", "dialect=unheard", "does not know", "must exist", "without locks", "columns that the model lacks", "foreign keys"} {
		if !strings.Contains(log.String(), said) {
			t.Errorf("db.Use does not say %q:\n%s", said, log.String())
		}
	}

	u := user{Name: "Ada", Phone: "1", Pets: []pet{{Name: "Rex"}}}
	must(t, db.Create(&u))
	must(t, db.Model(&u).Update("phone", "2"))
	must(t, db.Model(&user{}).Where("phone = ?", "2").Updates(map[string]any{"age": gorm.Expr("age + 1")}))
	if err := db.Transaction(func(tx *gorm.DB) error {
		must(t, tx.Model(&u).Update("phone", "3"))
		return errors.New("no")
	}); err == nil {
		t.Fatal("the transaction did not roll back")
	}
	must(t, db.Delete(&u))
	must(t, db.Unscoped().Delete(&u))
	must(t, db.Exec("UPDATE pets SET name = 'Max'"))
	wantTrail(t, db, memory, "create user 1", "create pet 1", "update user 1", "update user 1", "soft_delete user 1", "delete user 1", "raw pet")
	if r := memory.Records()[3]; len(r.Changes) != 2 || r.Before["age"] != int64(0) || r.After["age"] != int64(1) {
		t.Errorf("the update of age is %+v", r)
	}
}

// A dialect that is known is nothing to speak of.
func TestKnownDialectIsQuiet(t *testing.T) {
	var log lines
	audited(t, auditplugin.WithLogger(textLogger(&log)))
	if log.String() != "" {
		t.Errorf("db.Use says %s", log.String())
	}
}

// Without the table, db.Use fails, and the warning says why it was not created.
func TestUnknownDialectCreatesNoTable(t *testing.T) {
	db := openOn(t, unheard{sqlite.Open(dsn(t))})
	var log lines
	err := db.Use(auditplugin.New(auditplugin.WithLogger(textLogger(&log))))
	if !errors.Is(err, emitter.ErrTableMissing) || !strings.Contains(log.String(), "not created") {
		t.Errorf("db.Use: %v\n%s", err, log.String())
	}
}
