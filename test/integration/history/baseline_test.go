package history_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/history"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
	"gorm.io/gorm"
)

type tenant struct {
	ID        uint   `gorm:"primaryKey;autoIncrement:false"`
	Name      string `gorm:"size:40"`
	Secret    string `gorm:"size:40" audit:"mask"`
	Never     string `gorm:"size:40" audit:"-"`
	CreatedAt time.Time
	UpdatedAt time.Time
}

// old is a database with rows from before the plugin.
func old(t *testing.T, g testdb.Target, rows int) *testdb.DB {
	t.Helper()
	return g.Open(t, testdb.Before(func(db *gorm.DB) error {
		db = db.Session(&gorm.Session{NewDB: true})
		if err := db.AutoMigrate(&tenant{}); err != nil {
			return err
		}
		var all []tenant
		for n := range rows {
			all = append(all, tenant{ID: uint(n + 1), Name: fmt.Sprint("tenant ", n+1), Secret: "hidden-1", Never: "hidden-2"})
		}
		return db.Create(&all).Error
	}))
}

func TestBaseline(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		db := old(t, g, 25)
		ctx := audit.WithActor(audit.WithReason(context.Background(), "before go-live"), audit.Actor{ID: "ops"})
		must(t, db.Model(&tenant{ID: 3}).Update("name", "changed already").Error)

		// Stopped, and gone on with.
		stopped, cancel := context.WithCancel(ctx)
		done, err := history.Baseline(stopped, db.DB, &tenant{}, history.BaselineOptions{Batch: 10, Progress: func(history.BaselineProgress) { cancel() }})
		if !errors.Is(err, context.Canceled) || done.Rows != 10 || done.Recorded != 9 || done.Last != "10" {
			t.Fatalf("stopped: %+v, %v", done, err)
		}
		done, err = history.Baseline(ctx, db.DB, &tenant{}, history.BaselineOptions{Batch: 10, Behind: done.Last})
		must(t, err)
		if done.Rows != 15 || done.Recorded != 15 || done.Last != "25" {
			t.Errorf("gone on: %+v", done)
		}
		done, err = history.Baseline(ctx, db.DB, &tenant{}, history.BaselineOptions{})
		must(t, err)
		if done.Rows != 25 || done.Recorded != 0 {
			t.Errorf("again: %+v", done)
		}
		r, err := history.Of(db.DB, &tenant{ID: 7}).First(ctx)
		must(t, err)
		if r.Action != audit.Event || r.Metadata["baseline"] != true || r.Message != "baseline of tenant 7" || r.Reason != "before go-live" || r.Actor.ID != "ops" || r.RecordType != "tenant" {
			t.Errorf("recorded as %+v", r)
		}
		if s := fmt.Sprint(r.After); strings.Contains(s, "hidden") || r.After["name"] != "tenant 7" {
			t.Errorf("it says %s", s)
		}
		begins, err := history.Search(db.DB).Action(audit.Event).Scopes(func(tx *gorm.DB) *gorm.DB { return tx.Where("record_id = '' AND table_name = 'tenants'") }).Find(ctx)
		must(t, err)
		if len(begins) != 1 || begins[0].Metadata["trail_begins"] != true {
			t.Errorf("since when: %+v", begins)
		}

		// From a baseline on the row is known, whatever becomes of it.
		plain := db.Plain(t)
		must(t, plain.Exec("UPDATE tenants SET name = 'unrecorded' WHERE id = 7").Error)
		must(t, plain.Exec("DELETE FROM tenants WHERE id = 8").Error)
		for id, name := range map[uint]string{7: "unrecorded", 8: "tenant 8"} {
			got := tenant{ID: id}
			var gaps history.Gaps
			at, err := history.Of(db.DB, &got).First(ctx)
			must(t, err)
			must(t, history.AsOf(ctx, db.DB, &got, history.After(at), history.Partial(&gaps)))
			if got.Name != name {
				t.Errorf("%d: %+v", id, got)
			}
			if id == 7 {
				must(t, history.AsOf(ctx, db.DB, &got, history.Before(at)))
				if got.Name != "tenant 7" {
					t.Errorf("the baseline tells what it was before: %+v", got)
				}
			}
		}
		n := 0
		for v, err := range history.Versions(ctx, db.DB, &tenant{ID: 9}) {
			must(t, err)
			if n++; v.Row.Name != "tenant 9" || v.Record.Action != audit.Event {
				t.Errorf("version %+v", v)
			}
		}
		lines, err := history.Blame(ctx, db.DB, &tenant{ID: 9})
		must(t, err)
		if n != 1 || lines[1].Record != nil {
			t.Errorf("%d versions, blame %+v", n, lines[1])
		}
		changes, err := history.Diff(ctx, db.DB, &tenant{ID: 9}, history.After(begins[0]), time.Now())
		must(t, err)
		if len(changes) != 0 {
			t.Errorf("a baseline changes nothing: %+v", changes)
		}
		all := 0
		for row, err := range history.AsOfAll[tenant](ctx, db.DB, history.After(begins[0]), history.Partial(nil)) {
			must(t, err)
			if all++; row.ID == 7 && row.Name != "tenant 7" {
				t.Errorf("all of them: %+v", row)
			}
		}
		if all != 25 {
			t.Errorf("%d rows as of the beginning", all)
		}
		// Undoing passes it over.
		if done, err := history.RevertTransaction(ctx, db.DB, r.TransactionID); err != nil || len(done.Steps) != 0 {
			t.Errorf("undone: %+v, %v", done, err)
		}
		if _, err := history.Baseline(ctx, db.Begin(), &tenant{}, history.BaselineOptions{}); !errors.Is(err, history.ErrInvalidQuery) {
			t.Errorf("inside a transaction: %v", err)
		}
	})
}

// A change between a baseline's read and its record would make the record wrong.
func TestBaselineWhileOthersWrite(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		db := old(t, g, 60)
		ctx, cancel := context.WithCancel(context.Background())
		stopped := make(chan struct{})
		go func() {
			defer close(stopped)
			for n := 0; ctx.Err() == nil; n++ {
				if err := db.Model(&tenant{ID: uint(n%60 + 1)}).Update("name", fmt.Sprint("now ", n)).Error; err != nil {
					t.Errorf("a writer: %v", err)
					return
				}
			}
		}()
		_, err := history.Baseline(context.Background(), db.DB, &tenant{}, history.BaselineOptions{Batch: 5})
		cancel()
		<-stopped
		must(t, err)
		for id := range uint(60) {
			var name any
			for r, err := range history.Of(db.DB, &tenant{ID: id + 1}).All(context.Background()) {
				must(t, err)
				switch r.Action {
				case audit.Event:
					if name != nil && name != r.After["name"] {
						t.Errorf("tenant %d: the baseline says %v, it was %v", id+1, r.After["name"], name)
					}
					name = r.After["name"]
				default:
					if name != nil && name != r.Before["name"] {
						t.Errorf("tenant %d: an update from %v, it was %v", id+1, r.Before["name"], name)
					}
					name = r.After["name"]
				}
			}
			if name == nil {
				t.Errorf("tenant %d has no record", id+1)
			}
		}
	})
}

// Where the trail says since when it speaks, what was before is not guessed.
func TestBeforeTheTrail(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		db := old(t, g, 2)
		ctx := context.Background()
		before := time.Now()
		time.Sleep(2 * time.Millisecond)
		got := tenant{ID: 1}
		must(t, history.AsOf(ctx, db.DB, &got, before)) // nothing says that it is a guess
		must(t, auditplugin.Event(db.DB, audit.Record{Table: "tenants", RecordType: "tenant", Metadata: map[string]any{"trail_begins": true}}))
		began := lastRecord(t, db.DB)
		must(t, auditplugin.Event(db.DB, audit.Record{Table: "tenants", RecordType: "tenant", Metadata: map[string]any{"trail_begins": false}}))
		must(t, db.Create(&tenant{ID: 9, Name: "new"}).Error)

		for name, ask := range map[string]func(m history.Moment) error{
			"AsOf": func(m history.Moment) error { return history.AsOf(ctx, db.DB, &tenant{ID: 1}, m) },
			"AsOfAll": func(m history.Moment) error {
				for _, err := range history.AsOfAll[tenant](ctx, db.DB, m) {
					if err != nil {
						return err
					}
				}
				return nil
			},
			"Diff": func(m history.Moment) error {
				_, err := history.Diff(ctx, db.DB, &tenant{ID: 1}, m, time.Now())
				return err
			},
			"RevertTo": func(m history.Moment) error {
				_, err := history.RevertTo(ctx, db.DB, &tenant{ID: 9}, m, history.DryRun())
				return err
			},
		} {
			for _, m := range []history.Moment{history.At(before), history.Before(began)} {
				if err := ask(m); !errors.Is(err, history.ErrBeforeTrail) {
					t.Errorf("%s before the trail: %v", name, err)
				}
			}
			if err := ask(history.After(began)); err != nil {
				t.Errorf("%s behind its beginning: %v", name, err)
			}
		}
		if err := history.AsOf(ctx, db.DB, &tenant{ID: 9}, history.After(began)); !errors.Is(err, history.ErrNotFound) {
			t.Errorf("a row that came later: %v", err)
		}
	})
}

// An event that comes behind records says nothing about what they know.
func TestTrailThatBeganWithoutSayingSo(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		db := g.Open(t, migrated(&tenant{}))
		ctx := context.Background()
		must(t, db.Create(&tenant{ID: 1, Name: "a"}).Error)
		created := lastRecord(t, db.DB)
		must(t, db.Create(&tenant{ID: 2, Name: "b"}).Error)
		_, err := history.Baseline(ctx, db.DB, &tenant{}, history.BaselineOptions{})
		must(t, err)
		if err := history.AsOf(ctx, db.DB, &tenant{ID: 2}, history.After(created)); !errors.Is(err, history.ErrNotFound) {
			t.Errorf("the trail spoke by then: %v", err)
		}
	})
}

// The times that a row has of itself mean the change that set them.
func TestAsOfTheRowsOwnTimes(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		db := g.Open(t, migrated(&tenant{}))
		ctx := context.Background()
		var states []tenant
		for n := range 4 {
			if n == 0 {
				must(t, db.Create(&tenant{ID: 1, Name: "0"}).Error)
			} else {
				must(t, db.Model(&tenant{ID: 1}).Update("name", fmt.Sprint(n)).Error)
			}
			var now tenant
			must(t, db.Plain(t).First(&now).Error)
			states = append(states, now)
			time.Sleep(3 * time.Millisecond)
		}
		for _, want := range states {
			got := tenant{ID: 1}
			must(t, history.AsOf(ctx, db.DB, &got, want.UpdatedAt))
			if got.Name != want.Name {
				t.Errorf("as of its UpdatedAt: %s, it was %s", got.Name, want.Name)
			}
			for row, err := range history.AsOfAll[tenant](ctx, db.DB, want.UpdatedAt) {
				if err != nil || row.Name != want.Name {
					t.Errorf("all as of its UpdatedAt: %+v, %v; it was %s", row, err, want.Name)
				}
			}
		}
		got := tenant{ID: 1}
		must(t, history.AsOf(ctx, db.DB, &got, states[0].CreatedAt))
		if got.Name != "0" {
			t.Errorf("as of its CreatedAt: %+v", got)
		}
		if err := history.AsOf(ctx, db.DB, &got, states[0].CreatedAt.Add(-time.Millisecond)); !errors.Is(err, history.ErrNotFound) {
			t.Errorf("before it: %v", err)
		}
	})
}

// What was not deleted is not refused.
func TestPruneMovesTheHorizonsOfWhatItDeletes(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		db := g.Open(t, migrated(&tenant{}, &parcel{}))
		ctx := context.Background()
		must(t, db.Create(&tenant{ID: 1, Name: "a"}).Error)
		must(t, db.Create(&parcel{ID: 1, Name: "p"}).Error)
		must(t, db.Model(&parcel{ID: 1}).Update("name", "q").Error)
		time.Sleep(2 * time.Millisecond)
		moment := time.Now()
		time.Sleep(2 * time.Millisecond)
		must(t, db.Model(&tenant{ID: 1}).Update("name", "b").Error)
		asked := func(name string, err error, want error) {
			t.Helper()
			if !errors.Is(err, want) {
				t.Errorf("%s: %v", name, err)
			}
		}
		// Nothing can be deleted: the horizon does not move.
		forbid := map[string]string{
			testdb.SQLite:   "CREATE TRIGGER no BEFORE DELETE ON audit_logs BEGIN SELECT RAISE(ABORT, 'no'); END",
			testdb.Postgres: "CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no'; END $$; CREATE TRIGGER no BEFORE DELETE ON audit_logs FOR EACH ROW EXECUTE FUNCTION no()",
			testdb.MySQL:    "CREATE TRIGGER no BEFORE DELETE ON audit_logs FOR EACH ROW SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'no'",
		}[g.Dialect]
		allow := "DROP TRIGGER no" + map[string]string{testdb.Postgres: " ON audit_logs"}[g.Dialect]
		_, err := db.Raw.Exec(forbid)
		must(t, err)
		if done, err := history.Prune(ctx, db.DB, history.PruneOptions{OlderThan: time.Now()}); err == nil || done.Deleted != 0 {
			t.Fatalf("pruned %+v, %v", done, err)
		}
		got := tenant{ID: 1}
		asked("nothing was deleted", history.AsOf(ctx, db.DB, &got, moment), nil)
		stopped, cancel := context.WithCancel(ctx)
		cancel()
		if _, err := history.Prune(stopped, db.DB, history.PruneOptions{OlderThan: time.Now()}); err == nil {
			t.Error("a pruning that was stopped says nothing")
		}
		asked("stopped at once", history.AsOf(ctx, db.DB, &got, moment), nil)
		_, err = db.Raw.Exec(allow)
		must(t, err)

		// Only parcels' records are old enough.
		parcels, err := history.Of(db.DB, &parcel{ID: 1}).Find(ctx)
		must(t, err)
		for _, r := range parcels {
			age(t, db, r.Seq, moment.AddDate(-1, 0, 0))
		}
		_, err = history.Prune(ctx, db.DB, history.PruneOptions{OlderThan: moment.AddDate(0, -1, 0)})
		must(t, err)
		asked("the other table", history.AsOf(ctx, db.DB, &got, moment.AddDate(0, -2, 0)), history.ErrNotFound)
		asked("the pruned one", history.AsOf(ctx, db.DB, &parcel{ID: 1}, moment.AddDate(0, -2, 0)), history.ErrPruned)
	})
}
