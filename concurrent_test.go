package auditplugin_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/emitter"
)

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
