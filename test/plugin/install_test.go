package plugin_test

import (
	"errors"
	"strings"
	"testing"

	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/emitter"
)

func TestPluginUsedTwice(t *testing.T) {
	db, p, memory := audited(t)
	if err := db.Use(p); !errors.Is(err, gorm.ErrRegistered) {
		t.Errorf("the second db.Use returned %v", err)
	}
	must(t, db.Create(&user{Name: "Ada"}))
	wantTrail(t, db, memory, "create user 1")

	other := openDB(t)
	pool := other.ConnPool
	if err := other.Use(p); !errors.Is(err, auditplugin.ErrInvalidOption) {
		t.Errorf("db.Use on another database returned %v", err)
	}
	untouched(t, other, pool)
}

func TestTwoPluginsOnOneDatabase(t *testing.T) {
	db, _, memory := audited(t)
	if err := db.Use(auditplugin.New()); !errors.Is(err, gorm.ErrRegistered) {
		t.Errorf("db.Use returned %v", err)
	}
	// Another handle on the pool that is wrapped already.
	again, err := gorm.Open(sqlite.New(sqlite.Config{Conn: db.ConnPool}), &gorm.Config{Logger: logger.Discard})
	if err != nil {
		t.Fatal(err)
	}
	if err := again.Use(auditplugin.New()); !errors.Is(err, auditplugin.ErrUnsupportedPool) {
		t.Errorf("db.Use of a wrapped pool returned %v", err)
	}
	must(t, db.Create(&user{Name: "Ada"}))
	wantTrail(t, db, memory, "create user 1")
}

func TestUseInTransaction(t *testing.T) {
	for name, e := range map[string]audit.Emitter{"table": emitter.Table(), "no table": emitter.Memory()} {
		for _, prepare := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				db := openDB(t)
				pool := db.ConnPool
				tx := db.Session(&gorm.Session{PrepareStmt: prepare}).Begin()
				must(t, tx)
				must(t, tx.Create(&user{Name: "Ada"}))
				inside := tx.Statement.ConnPool
				if err := tx.Use(auditplugin.New(auditplugin.WithEmitter(e))); !errors.Is(err, auditplugin.ErrUnsupportedPool) {
					t.Errorf("db.Use in a transaction returned %v", err)
				}
				if tx.Statement.ConnPool != inside {
					t.Errorf("the transaction became %T", tx.Statement.ConnPool)
				}
				must(t, tx.Rollback())
				untouched(t, db, pool)
				if n := count(t, db, &user{}); n != 0 {
					t.Errorf("%d rows survived the rollback", n)
				}
			})
		}
	}
}

func TestDisabled(t *testing.T) {
	db := openDB(t)
	pool := db.ConnPool
	p := auditplugin.New(auditplugin.WithEnabled(false), auditplugin.WithRequiredActor())
	if err := db.Use(p); err != nil {
		t.Fatal(err)
	}
	delete(db.Plugins, "auditplugin") // that it is installed is all there is
	untouched(t, db, pool)
	db.Plugins["auditplugin"] = p
	must(t, db.Create(&user{Name: "Ada"}))
	if err := auditplugin.Event(db, audit.Record{Message: "sign-in"}); err != nil {
		t.Errorf("Event returned %v", err)
	}
	if err := p.Close(t.Context()); err != nil {
		t.Errorf("Close returned %v", err)
	}
	must(t, db.Create(&user{Name: "Bob"}))
	if got := p.Stats(); got != (auditplugin.Stats{}) {
		t.Errorf("Stats are %+v", got)
	}
}

// An emitter that was bound is closed again when another one can not be.
func TestFailedInitializeClosesEmitters(t *testing.T) {
	db := openDB(t)
	closing := &closingEmitter{}
	err := db.Use(auditplugin.New(auditplugin.WithEmitter(closing, emitter.Slog(nil))))
	if !errors.Is(err, emitter.ErrNilLogger) {
		t.Errorf("db.Use returned %v", err)
	}
	if closing.closed != 1 {
		t.Errorf("closed %d times, want once", closing.closed)
	}
}

// untouched checks that nothing of a plugin is on db.
func untouched(t *testing.T, db *gorm.DB, pool gorm.ConnPool) {
	t.Helper()
	if db.ConnPool != pool || db.Statement.ConnPool != pool {
		t.Errorf("the pool was replaced by %T, %T", db.ConnPool, db.Statement.ConnPool)
	}
	if db.Migrator().HasTable("audit_logs") {
		t.Error("the audit table was created")
	}
	cb := db.Callback()
	for name, get := range map[string]func(string) func(*gorm.DB){
		"create": cb.Create().Get, "update": cb.Update().Get, "delete": cb.Delete().Get,
		"query": cb.Query().Get, "row": cb.Row().Get, "raw": cb.Raw().Get,
	} {
		if get("auditplugin:arm") != nil || get("auditplugin:disarm") != nil || get("auditplugin:adopt") != nil {
			t.Errorf("a %s callback was registered", name)
		}
	}
	if _, ok := db.Plugins["auditplugin"]; ok {
		t.Error("the plugin counts as installed")
	}
}

// A step of GORM's own that is removed later leaves writes refused, not unrecorded.
func TestStepRemovedAfterUse(t *testing.T) {
	for step, write := range map[string]func(*gorm.DB) error{
		"gorm:create": func(db *gorm.DB) error { return db.Create(&user{Name: "Grace"}).Error },
		"gorm:update": func(db *gorm.DB) error { return db.Model(&user{ID: 1}).Update("name", "Grace").Error },
		"gorm:delete": func(db *gorm.DB) error { return db.Delete(&user{ID: 1}).Error },
	} {
		db := openDB(t)
		must(t, db.Create(&user{Name: "Ada"}))
		use(t, db)
		cb := db.Callback()
		for _, chain := range []interface{ Remove(string) error }{cb.Create(), cb.Update(), cb.Delete()} {
			if err := chain.Remove(step); err != nil {
				t.Fatal(err)
			}
		}
		if err := cb.Update().Register("app:update", func(tx *gorm.DB) {
			if tx.Error == nil {
				_, err := tx.Statement.ConnPool.ExecContext(tx.Statement.Context, "UPDATE users SET name = 'unseen'")
				_ = tx.AddError(err)
			}
		}); err != nil {
			t.Fatal(err)
		}
		if err := write(db); !errors.Is(err, auditplugin.ErrInvalidOption) || !strings.Contains(err.Error(), step) {
			t.Errorf("%s: the write returned %v", step, err)
		}
		var names []string
		must(t, db.Raw("SELECT name FROM users WHERE deleted_at IS NULL").Scan(&names))
		if len(names) != 1 || names[0] != "Ada" {
			t.Errorf("%s: the rows are %v", step, names)
		}
	}
}
