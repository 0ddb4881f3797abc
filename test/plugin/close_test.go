package plugin_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/emitter"
)

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
	p := use(t, db, auditplugin.WithEmitter(emitter.Async(slow)))
	ctx, cancel := context.WithCancel(t.Context())
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
	if got := firstName(t, db); got != "Ada" {
		t.Errorf("the row was changed to %q", got)
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

// Writers in several goroutines, closed in the middle: whatever was written has
// its record, and what was refused has not been written.
func TestConcurrentWritesAndClose(t *testing.T) {
	db, memory := openDB(t), emitter.Memory()
	p := use(t, db, auditplugin.WithEmitter(emitter.Table(), memory), auditplugin.WithBufferLimit(2))
	const writers, writes = 4, 25
	var wg sync.WaitGroup
	half := make(chan struct{}, writers)
	for w := range writers {
		wg.Go(func() {
			db := db.Session(&gorm.Session{PrepareStmt: w%2 == 0})
			for i := range writes {
				if i == writes/2 {
					half <- struct{}{}
				}
				err := db.Transaction(func(tx *gorm.DB) error {
					u := user{Name: fmt.Sprint(w, "/", i), Pets: []pet{{Name: "Rex"}}}
					if err := tx.Create(&u).Error; err != nil {
						return err
					}
					return tx.Model(&u).Update("age", i+1).Error
				})
				if err != nil && !errors.Is(err, auditplugin.ErrClosed) {
					t.Errorf("writer %d: %v", w, err)
				}
				_ = p.Stats()
			}
		})
	}
	for range writers {
		<-half
	}
	if err := p.Close(t.Context()); err != nil {
		t.Error(err)
	}
	wg.Wait()
	var users int64
	must(t, db.Model(&user{}).Where("age > 0").Count(&users))
	if users < writers*(writes/2) {
		t.Errorf("%d users were written, want at least what was written before Close", users)
	}
	for where, n := range map[string]int{"table": len(trail(t, db)), "announced": len(memory.Records())} {
		if n != 3*int(users) {
			t.Errorf("%s: %d records of %d users, want 3 of each", where, n, users)
		}
	}
	for _, batch := range memory.Transactions() {
		for _, r := range batch {
			if len(batch) != 3 || r.TransactionID != batch[0].TransactionID {
				t.Fatalf("a transaction was announced as\n%s", brief(batch))
			}
		}
	}
}
