package plugin_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/emitter"
)

// watched counts what an observer is told.
type watched struct {
	mu       sync.Mutex
	times    map[string]int
	mentions []audit.Mention
	systems  map[string]bool
}

func (w *watched) add(n int, format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.times == nil {
		w.times, w.systems = map[string]int{}, map[string]bool{}
	}
	w.times[fmt.Sprintf(format, args...)] += n
}

func (w *watched) observer() audit.Observer {
	return audit.Observer{
		Captured: func(_ context.Context, c audit.Captured) {
			w.add(1, "captured %s %s %d failed %v", c.Operation, c.Table, c.Rows, c.Err != nil)
			if c.Took <= 0 {
				w.add(1, "took nothing")
			}
		},
		Committed: func(_ context.Context, c audit.Committed) {
			for _, n := range c.Counts {
				w.add(n.Records, "committed %s %s", n.Action, n.Table)
			}
			w.mu.Lock()
			defer w.mu.Unlock()
			w.mentions = append(w.mentions, c.First...)
			w.systems[c.System] = true
		},
		Flushed: func(_ context.Context, n int, _ time.Duration, err error) { w.add(n, "flushed failed %v", err != nil) },
		Announced: func(_ context.Context, name string, n int, _ time.Duration, err error) {
			w.add(n, "announced %s failed %v", name, err != nil)
		},
		Lost: func(_ context.Context, n int, _ error) { w.add(n, "lost") },
		Refused: func(_ context.Context, err error) {
			w.add(1, "refused %v", errors.Is(err, auditplugin.ErrActorRequired))
		},
	}
}

// told is how often, or of how many, it was told.
func (w *watched) told(what string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.times[what]
}

// want compares all that was told.
func (w *watched) want(t *testing.T, want map[string]int) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if !maps.Equal(w.times, want) {
		t.Errorf("told of\n%s\nwant\n%s", listed(w.times), listed(want))
	}
}

func listed(m map[string]int) string {
	var b strings.Builder
	for _, k := range slices.Sorted(maps.Keys(m)) {
		fmt.Fprintf(&b, "\t%d %s\n", m[k], k)
	}
	return b.String()
}

var errRollback = errors.New("rolled back")

func TestObserverCountsWhatCommits(t *testing.T) {
	var w watched
	db, p, _ := audited(t, auditplugin.WithObserver(w.observer()))
	must(t, db.Create([]user{{Name: "Ada"}, {Name: "Bob"}}))
	err := db.Transaction(func(tx *gorm.DB) error {
		must(t, tx.Create(&user{Name: "Eve"}))
		if n := p.Stats().Buffered; n != 1 {
			t.Errorf("%d records buffered", n)
		}
		return errRollback
	})
	if !errors.Is(err, errRollback) {
		t.Fatal(err)
	}
	err = db.Transaction(func(tx *gorm.DB) error {
		must(t, tx.Model(&user{ID: 1}).Update("name", "Ada Lovelace"))
		_ = tx.Transaction(func(tx *gorm.DB) error {
			must(t, tx.Create(&pet{Name: "Dog"}))
			return errRollback
		})
		return tx.Delete(&user{ID: 2}).Error
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := auditplugin.Event(db, audit.Record{Table: "made_up", Message: "sign-in"}); err != nil {
		t.Fatal(err)
	}
	w.want(t, map[string]int{
		"captured create users 2 failed false":         1,
		"captured create users 1 failed false":         1,
		"captured update users 1 failed false":         1,
		"captured delete users 1 failed false":         1,
		"captured create pets 1 failed false":          1,
		"committed create users":                       2,
		"committed update users":                       1,
		"committed soft_delete users":                  1,
		"committed event ":                             1,
		"flushed failed false":                         4,
		"announced emitter.MemoryEmitter failed false": 5,
	})
	var ids []string
	for _, r := range trail(t, db) {
		ids = append(ids, r.ID)
	}
	var told []string
	for _, m := range w.mentions {
		told = append(told, m.ID)
	}
	if !slices.Equal(ids, told) {
		t.Errorf("mentioned %v, recorded %v", told, ids)
	}
	if !maps.Equal(w.systems, map[string]bool{"sqlite": true}) {
		t.Errorf("the database is called %v", w.systems)
	}
	if n := p.Stats().Buffered; n != 0 {
		t.Errorf("%d records are still buffered", n)
	}
}

// In every way to write, what is in the audit table is what was counted.
func TestObserverCountsTheTable(t *testing.T) {
	for name, in := range modes {
		t.Run(name, func(t *testing.T) {
			var w watched
			db, p, _ := audited(t, auditplugin.WithObserver(w.observer()), auditplugin.WithBufferLimit(2))
			for range 3 {
				err := in(db, func(tx *gorm.DB) error {
					return tx.Create([]user{{Name: "Ada"}, {Name: "Bob"}, {Name: "Eve"}}).Error
				})
				if err != nil {
					t.Fatal(err)
				}
			}
			if n := w.told("committed create users"); n != 9 || n != len(trail(t, db)) {
				t.Errorf("counted %d, the table has %d", n, len(trail(t, db)))
			}
			if err := p.Close(t.Context()); err != nil {
				t.Fatal(err)
			}
			if n := p.Stats().Buffered; n != 0 {
				t.Errorf("%d records are still buffered", n)
			}
		})
	}
}

// Of transactions begun out of sight, what is written is counted.
func TestObserverCountsOutOfSight(t *testing.T) {
	var w watched
	db, p, _ := audited(t, auditplugin.WithObserver(w.observer()), auditplugin.WithUnwrappedPool())
	err := db.Transaction(func(tx *gorm.DB) error {
		must(t, tx.Create([]user{{Name: "Ada"}, {Name: "Bob"}}))
		if n := w.told("committed create users"); n != 2 {
			t.Errorf("%d counted", n)
		}
		return tx.Model(&user{ID: 1}).Update("name", "Ada Lovelace").Error
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if w.told("committed create users") != 2 || w.told("committed update users") != 1 || p.Stats().Buffered != 0 {
		t.Errorf("%d buffered; told of\n%s", p.Stats().Buffered, listed(w.times))
	}
}

// The names of tables come from the application's input sometimes; labels must not.
func TestObserverKnowsModelsOnly(t *testing.T) {
	var w watched
	db, _, _ := audited(t, auditplugin.WithObserver(w.observer()))
	must(t, db.Create(&user{Name: "Ada"}))
	for i := range 3 {
		name := fmt.Sprintf("tenant_%d_users", i)
		if err := db.Table(name).AutoMigrate(&user{}); err != nil {
			t.Fatal(err)
		}
		must(t, db.Table(name).Create(&user{Name: "Ada"}))
		must(t, db.Table(name).Create(map[string]any{"name": "Bob"}))
		must(t, db.Exec("UPDATE "+name+" SET age = 3"))
	}
	must(t, db.Table("users").Create(map[string]any{"name": "Bob"}))
	for told := range w.times {
		if strings.Contains(told, "tenant") {
			t.Errorf("told of %q", told)
		}
	}
	if w.told("committed create users") != 2 || w.told("committed create ") != 6 || w.told("committed raw ") != 3 {
		t.Errorf("told of\n%s", listed(w.times))
	}
}

func TestObserverHearsOfLosses(t *testing.T) {
	var w watched
	db, _, _ := audited(t, auditplugin.WithObserver(w.observer()), auditplugin.WithErrorHandler((&heard{}).handle), auditplugin.WithFailurePolicy(auditplugin.KeepWrite, &pet{}))
	exec(t, db, "CREATE TRIGGER no BEFORE INSERT ON audit_logs WHEN NEW.table_name = 'pets' AND NEW.action = 'create' BEGIN SELECT RAISE(ABORT, 'no'); END")
	must(t, db.Create([]pet{{Name: "Dog"}, {Name: "Cat"}}))
	w.want(t, map[string]int{
		"captured create pets 2 failed false": 1,
		"flushed failed true":                 2,
		"lost":                                2,
		"committed event pets":                1,
		"announced emitter.MemoryEmitter failed false": 3,
	})
}

func TestObserverHearsOfRefusals(t *testing.T) {
	var w watched
	db, _, _ := audited(t, auditplugin.WithObserver(w.observer()), auditplugin.WithRequiredActor(&user{}), auditplugin.WithEmitter(failing(errors.New("no"))), auditplugin.WithErrorHandler((&heard{}).handle))
	if err := db.Create(&user{}).Error; !errors.Is(err, auditplugin.ErrActorRequired) {
		t.Fatal(err)
	}
	exec(t, db, "CREATE TRIGGER no BEFORE INSERT ON audit_logs WHEN NEW.table_name = 'pets' BEGIN SELECT RAISE(ABORT, 'no'); END")
	if err := db.Create(&pet{}).Error; !errors.Is(err, auditplugin.ErrAuditFailed) {
		t.Fatal(err)
	}
	w.want(t, map[string]int{
		"refused true":                                 1,
		"refused false":                                1,
		"captured create pets 1 failed false":          1, // the commit fails
		"flushed failed true":                          1,
		"committed event users":                        1,
		"announced emitter.MemoryEmitter failed false": 1,
		"announced emitter.Func failed true":           1,
	})
}

// An observer that panics is the application's mistake, not the write's.
func TestObserverPanics(t *testing.T) {
	var h heard
	var w watched
	db, _, memory := audited(t, auditplugin.WithErrorHandler(h.handle), auditplugin.WithObserver(audit.Observer{
		Captured:  func(context.Context, audit.Captured) { panic("value-4711") },
		Committed: func(context.Context, audit.Committed) { panic("value-4711") },
	}), auditplugin.WithObserver(w.observer()))
	must(t, db.Create(&user{Name: "Ada"}))
	wantTrail(t, db, memory, "create user 1")
	if got := h.all(); len(got) != 2 || strings.Contains(fmt.Sprint(got), "value-4711") {
		t.Errorf("heard %v", got)
	}
	if w.told("committed create users") != 1 {
		t.Errorf("the second observer was told of\n%s", listed(w.times))
	}
}

func TestQueues(t *testing.T) {
	db := openDB(t)
	memory := emitter.Memory()
	waiting, open := gated(memory)
	p := use(t, db, auditplugin.WithEmitter(emitter.Async(waiting)))
	must(t, db.Create([]user{{}, {}}))
	if got := p.Queues(); len(got) != 1 || got["emitter.Func"] != (emitter.AsyncStats{Queued: 2}) {
		t.Errorf("the queues are %v", got)
	}
	open()
	if err := p.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := p.Queues(); got["emitter.Func"] != (emitter.AsyncStats{Emitted: 2}) {
		t.Errorf("the queues are %v", got)
	}
}
