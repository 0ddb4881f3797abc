package auditplugin_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/emitter"
)

// gated is an emitter that waits until it is let through.
func gated(to audit.Emitter) (e audit.Emitter, open func()) {
	gate := make(chan struct{})
	return emitter.Func(func(ctx context.Context, records []audit.Record) error {
		<-gate
		return to.Emit(ctx, records)
	}), func() { close(gate) }
}

func TestCloseDrains(t *testing.T) {
	db := openDB(t)
	memory := emitter.Memory()
	slow, open := gated(memory)
	p := use(t, db, auditplugin.WithEmitter(emitter.Table(), emitter.Async(slow)))
	for range 3 {
		must(t, db.Create(&user{Name: "Ada"}))
	}
	if n := len(memory.Records()); n != 0 {
		t.Fatalf("%d records passed a closed gate", n)
	}
	open()
	if err := p.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantTrail(t, db, memory, "create user 1", "create user 2", "create user 3")
	if got := p.Stats(); got != (auditplugin.Stats{Records: 3}) {
		t.Errorf("Stats are %+v", got)
	}
}

func TestCloseGivesUpWithItsContext(t *testing.T) {
	db := openDB(t)
	slow, open := gated(emitter.Memory())
	p := auditplugin.New(auditplugin.WithEmitter(emitter.Async(slow)))
	if err := db.Use(p); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(audit.WithActor(t.Context(), audit.Actor{ID: "1"}))
	for range 3 {
		must(t, db.WithContext(ctx).Create(&user{Name: "Ada"}))
	}
	cancel()
	if err := p.Close(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Close returned %v", err)
	}
	open()
	// One batch may have been with the emitter, the others were in the queue.
	for p.Stats().Dropped < 2 {
		time.Sleep(time.Millisecond)
	}
	if got := p.Stats(); got.Records != 3 || got.Dropped > 3 {
		t.Errorf("Stats are %+v", got)
	}
}

func TestWritesAfterClose(t *testing.T) {
	db, p, memory := audited(t, auditplugin.WithoutModels(&pet{}))
	u := user{Name: "Ada"}
	must(t, db.Create(&u))
	for range 2 {
		if err := p.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for name, write := range map[string]func(*gorm.DB) error{
		"create": func(db *gorm.DB) error { return db.Create(&user{Name: "Bob"}).Error },
		"update": func(db *gorm.DB) error { return db.Model(&u).Update("name", "Bob").Error },
		"delete": func(db *gorm.DB) error { return db.Delete(&u).Error },
		"raw":    func(db *gorm.DB) error { return db.Exec("UPDATE users SET name = 'Bob'").Error },
		"raw row": func(db *gorm.DB) error {
			var id int
			return db.Raw("UPDATE users SET name = 'Bob' RETURNING id").Row().Scan(&id)
		},
		"skipped": func(db *gorm.DB) error {
			return db.WithContext(audit.Skip(t.Context(), "import")).Model(&u).Update("name", "Bob").Error
		},
		"event": func(db *gorm.DB) error { return auditplugin.Event(db, audit.Record{Message: "sign-in"}) },
	} {
		for where, db := range map[string]*gorm.DB{"": db, " prepared": db.Session(&gorm.Session{PrepareStmt: true})} {
			if err := write(db); !errors.Is(err, auditplugin.ErrClosed) {
				t.Errorf("%s%s returned %v", name, where, err)
			}
		}
	}
	var got user
	must(t, db.First(&got))
	if got.Name != "Ada" {
		t.Errorf("the row was changed to %q", got.Name)
	}
	must(t, db.Create(&pet{Name: "Rex"})) // not audited, so not the plugin's business
	wantTrail(t, db, memory, "create user 1")
}

// A transaction that was under way when the plugin was closed keeps its records.
func TestCloseDuringTransaction(t *testing.T) {
	db, p, memory := audited(t)
	tx := db.Begin()
	must(t, tx.Create(&user{Name: "Ada"}))
	if err := p.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := tx.Create(&user{Name: "Bob"}).Error; !errors.Is(err, auditplugin.ErrClosed) {
		t.Errorf("a write after Close returned %v", err)
	}
	must(t, tx.Commit())
	wantTrail(t, db, memory, "create user 1")
}

func TestLifecycleEvents(t *testing.T) {
	db, p, memory := audited(t, auditplugin.WithLifecycleEvents(), auditplugin.WithApplication("accounts"))
	must(t, db.Create(&user{Name: "Ada"}))
	if err := p.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantTrail(t, db, memory, "event auditplugin ", "create user 1", "event auditplugin")
	records := memory.Records()
	first, last := records[0], records[len(records)-1]
	if !strings.Contains(first.Message, "start") || !strings.Contains(last.Message, "stop") || first.Application != "accounts" {
		t.Errorf("events say %q and %q, of %q", first.Message, last.Message, first.Application)
	}
	if first.Metadata["dialect"] != "sqlite" {
		t.Errorf("metadata is %v", first.Metadata)
	}
}

func TestStats(t *testing.T) {
	var h heard
	failing := emitter.Func(func(_ context.Context, records []audit.Record) error {
		if records[0].Action == audit.Delete {
			return errors.New("no")
		}
		return nil
	})
	db, p, _ := audited(t, auditplugin.WithEmitter(failing), auditplugin.WithErrorHandler(h.handle))
	for _, step := range []struct {
		name string
		do   func() error
		want auditplugin.Stats
	}{
		{"create", func() error { return db.Create([]user{{Name: "Ada"}, {Name: "Bob"}}).Error }, auditplugin.Stats{Records: 2}},
		{"read", func() error { return db.Find(&[]user{}).Error }, auditplugin.Stats{Records: 2}},
		{"unchanged", func() error { return db.Model(&user{}).Where("1 = 1").UpdateColumn("age", 0).Error }, auditplugin.Stats{Records: 2}},
		{"rolled back", func() error {
			tx := db.Begin()
			defer tx.Rollback()
			return tx.Model(&user{ID: 1}).Update("age", 36).Error
		}, auditplugin.Stats{Records: 3}},
		{"emitter fails", func() error { return db.Unscoped().Where("1 = 1").Delete(&user{}).Error }, auditplugin.Stats{Records: 5, Failed: 2}},
		{"event", func() error { return auditplugin.Event(db, audit.Record{Message: "sign-in"}) }, auditplugin.Stats{Records: 6, Failed: 2}},
	} {
		if err := step.do(); err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		if got := p.Stats(); got != step.want {
			t.Errorf("after %s: %+v, want %+v", step.name, got, step.want)
		}
	}
}
