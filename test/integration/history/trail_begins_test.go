package history_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/emitter"
	"github.com/gorm-audit/auditplugin/history"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
	"gorm.io/gorm"
)

// questions are those about a moment, each of the row with the given key.
func aboutMoment(ctx context.Context, db *gorm.DB, id uint) map[string]func(m history.Moment) error {
	return map[string]func(m history.Moment) error{
		"AsOf": func(m history.Moment) error { return history.AsOf(ctx, db, &tenant{ID: id}, m) },
		"AsOf of a table's row": func(m history.Moment) error {
			return history.AsOf(ctx, db, &history.TableRow{Table: "tenants", Key: []any{id}}, m)
		},
		"AsOfAll": func(m history.Moment) error {
			for _, err := range history.AsOfAll[tenant](ctx, db, m) {
				if err != nil {
					return err
				}
			}
			return nil
		},
		"Diff": func(m history.Moment) error {
			_, err := history.Diff(ctx, db, &tenant{ID: id}, m, time.Now())
			return err
		},
		"Diff, backwards": func(m history.Moment) error {
			_, err := history.Diff(ctx, db, &tenant{ID: id}, time.Now(), m)
			return err
		},
		"RevertTo": func(m history.Moment) error {
			_, err := history.RevertTo(ctx, db, &tenant{ID: id}, m, history.DryRun())
			return err
		},
	}
}

// What was before the whole trail is not guessed, though nothing was written to say since
// when it speaks.
func TestBeforeTheWholeTrail(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		before := time.Now().Add(-time.Hour)
		db := old(t, g, 3)
		ctx := context.Background()
		installed := time.Now()
		time.Sleep(2 * time.Millisecond)
		check := func(when string) {
			t.Helper()
			for name, ask := range aboutMoment(ctx, db.DB, 1) {
				if err := ask(history.At(before)); !errors.Is(err, history.ErrBeforeTrail) {
					t.Errorf("%s, %s before the trail: %v", when, name, err)
				}
				if err := ask(history.At(installed)); err != nil {
					t.Errorf("%s, %s since the plugin watches: %v", when, name, err)
				}
			}
		}
		check("without a record")
		must(t, db.Create(&tenant{ID: 9, Name: "new"}).Error)
		first := lastRecord(t, db.DB)
		must(t, db.Model(&tenant{ID: 1}).Update("name", "changed").Error)
		check("with records")

		got := tenant{ID: 1}
		if must(t, history.AsOf(ctx, db.DB, &got, installed)); got.Name != "tenant 1" {
			t.Errorf("behind the install: %+v", got)
		}
		got = tenant{ID: 1}
		if must(t, history.AsOf(ctx, db.DB, &got, history.Before(first))); got.Name != "tenant 1" {
			t.Errorf("in front of the first record: %+v", got)
		}
		// A row that came with its record is no guess.
		if err := history.AsOf(ctx, db.DB, &tenant{ID: 9}, before); !errors.Is(err, history.ErrNotFound) {
			t.Errorf("a row that was created later: %v", err)
		}
		changes, err := history.Diff(ctx, db.DB, &tenant{ID: 9}, before, time.Now())
		if err != nil || len(changes) == 0 {
			t.Errorf("what became of a row that was created later: %v, %v", changes, err)
		}
		must(t, db.Unscoped().Where("1 = 1").Delete(&tenant{}).Error)
		for _, err := range history.AsOfAll[tenant](ctx, db.DB, before) {
			if !errors.Is(err, history.ErrBeforeTrail) {
				t.Errorf("rows that are gone: %v", err)
			}
			break
		}
	})
}

// A process without the plugin knows what the records say.
func TestBeforeTheTrailFromOutside(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		db := old(t, g, 2)
		plain := db.Plain(t)
		ctx := context.Background()
		if err := history.AsOf(ctx, plain, &tenant{ID: 1}, time.Now()); !errors.Is(err, history.ErrBeforeTrail) {
			t.Errorf("without a record: %v", err)
		}
		between := time.Now()
		time.Sleep(2 * time.Millisecond)
		must(t, db.Create(&tenant{ID: 9, Name: "new"}).Error)
		time.Sleep(2 * time.Millisecond)
		for name, ask := range aboutMoment(ctx, plain, 1) {
			if name == "RevertTo" {
				continue
			}
			if err := ask(history.At(between)); !errors.Is(err, history.ErrBeforeTrail) {
				t.Errorf("%s before the first record: %v", name, err)
			}
			if err := ask(history.At(time.Now())); err != nil {
				t.Errorf("%s behind it: %v", name, err)
			}
		}
	})
}

// watched is the model of a table that is always recorded.
type watched struct {
	ID   uint `gorm:"primaryKey"`
	Name string
}

// A table that the options leave out may have changed unrecorded: what other tables'
// records and the install say is nothing about it.
func TestBeforeTheTrailOfATableThatIsLeftOut(t *testing.T) {
	for name, option := range map[string]auditplugin.Option{
		"WithModels": auditplugin.WithModels(&watched{}), "WithoutModels": auditplugin.WithoutModels(&tenant{}),
	} {
		t.Run(name, func(t *testing.T) {
			testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
				db := g.Open(t, migrated(&tenant{}, &watched{}), testdb.WithPlugin(option))
				ctx := context.Background()
				must(t, db.Create(&watched{Name: "ann"}).Error)
				must(t, db.Create(&tenant{ID: 1, Name: "then"}).Error)
				time.Sleep(2 * time.Millisecond)
				then := time.Now()
				time.Sleep(2 * time.Millisecond)
				must(t, db.Model(&tenant{ID: 1}).Update("name", "changed, and nobody noted it").Error)
				for name, ask := range aboutMoment(ctx, db.DB, 1) {
					if err := ask(history.At(then)); !errors.Is(err, history.ErrBeforeTrail) {
						t.Errorf("%s: %v", name, err)
					}
				}
				must(t, history.AsOf(ctx, db.DB, &watched{ID: 1}, then))

				// Somebody records it after all: a baseline is what is known.
				_, err := history.Baseline(ctx, db.DB, &tenant{}, history.BaselineOptions{})
				must(t, err)
				for name, ask := range aboutMoment(ctx, db.DB, 1) {
					if err := ask(history.At(then)); !errors.Is(err, history.ErrBeforeTrail) {
						t.Errorf("%s before the baseline: %v", name, err)
					}
					if err := ask(history.At(time.Now())); err != nil {
						t.Errorf("%s behind the baseline: %v", name, err)
					}
				}
			})
		})
	}
}

// What docs/history.md says of a table that is taken in when the trail is there already: a
// change of before it goes unnoticed until a baseline, also a late one, says when it began.
func TestTableThatIsTakenInLater(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		db := g.Open(t, migrated(&tenant{}, &watched{}))
		ctx := context.Background()
		must(t, db.Create(&watched{Name: "the trail begins"}).Error)
		plain := db.Plain(t)
		must(t, plain.Create(&tenant{ID: 1, Name: "then"}).Error)
		then := time.Now()
		must(t, plain.Model(&tenant{ID: 1}).Update("name", "changed before it was taken in").Error)
		time.Sleep(2 * time.Millisecond)
		got := tenant{ID: 1}
		if must(t, history.AsOf(ctx, db.DB, &got, then)); got.Name != "changed before it was taken in" {
			t.Errorf("as if it had always been so: %+v", got)
		}
		_, err := history.Baseline(ctx, db.DB, &tenant{}, history.BaselineOptions{})
		must(t, err)
		must(t, db.Model(&tenant{ID: 1}).Update("name", "changed behind it").Error)
		for name, ask := range aboutMoment(ctx, db.DB, 1) {
			if err := ask(history.At(then)); !errors.Is(err, history.ErrBeforeTrail) {
				t.Errorf("%s before the baseline: %v", name, err)
			}
		}
	})
}

// Whoever must not be told a guess asks for what is proven: by a record of the table, by a
// baseline, or by the plugin's having been there.
func TestProven(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		db := old(t, g, 3)
		ctx := context.Background()
		year := func(n int) history.Moment { return history.At(time.Now().AddDate(-n, 0, 0)) }
		installed := time.Now()
		recordThen(t, db, "others", 5)
		time.Sleep(2 * time.Millisecond)
		ask := func(m history.Moment, opts ...history.Option) error {
			return history.AsOf(ctx, db.DB, &tenant{ID: 1}, m, opts...)
		}
		is := func(err, want error) {
			t.Helper()
			if !errors.Is(err, want) {
				t.Errorf("%v, want %v", err, want)
			}
		}
		is(ask(year(1)), nil) // the guess: other tables were recorded
		is(ask(year(1), history.Proven()), history.ErrBeforeTrail)
		is(ask(history.At(installed), history.Proven()), nil)
		for _, err := range history.AsOfAll[tenant](ctx, db.DB, year(1), history.Proven()) {
			is(err, history.ErrBeforeTrail)
			break
		}
		_, err := history.Diff(ctx, db.DB, &tenant{ID: 1}, year(1), time.Now(), history.Proven())
		is(err, history.ErrBeforeTrail)
		_, err = history.RevertTo(ctx, db.DB, &tenant{ID: 1}, year(1), history.Proven(), history.DryRun())
		is(err, history.ErrBeforeTrail)
		recordThen(t, db, "tenants", 2)
		is(ask(year(1), history.Proven()), nil)
		is(ask(year(3), history.Proven()), history.ErrBeforeTrail)
		is(ask(year(3)), nil)
	})
}

// recordThen leaves a record of another row of a table, of some years ago.
func recordThen(t *testing.T, db *testdb.DB, table string, years int) {
	t.Helper()
	bound, err := emitter.Table(emitter.NoCreate()).Bind(db.Plain(t))
	must(t, err)
	must(t, bound.Emit(context.Background(), []audit.Record{{
		Time: time.Now().AddDate(-years, 0, 0), Action: audit.Update, Outcome: audit.Success, RecordType: "other", Table: table, RecordID: "77",
		Before: map[string]any{"name": "a"}, After: map[string]any{"name": "b"}, Changed: []string{"name"}, SchemaVersion: audit.SchemaVersion,
	}}))
}

// Where options leave actions out, what a row was is not put together from the others; what
// is recorded is there, and can be undone.
func TestActionsThatAreLeftOut(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		only := auditplugin.WithActions([]audit.Action{audit.Create, audit.Delete}, &tenant{})
		db := g.Open(t, migrated(&tenant{}), testdb.WithPlugin(only))
		ctx := context.Background()
		must(t, db.Create(&tenant{ID: 1, Name: "then"}).Error)
		then := time.Now()
		time.Sleep(2 * time.Millisecond)
		must(t, db.Model(&tenant{ID: 1}).Update("name", "now").Error)
		for name, ask := range aboutMoment(ctx, db.DB, 1) {
			if err := ask(history.At(then)); !errors.Is(err, history.ErrUnknown) || !strings.Contains(err.Error(), "WithActions") {
				t.Errorf("%s: %v", name, err)
			}
		}
		for _, err := range history.Versions(ctx, db.DB, &tenant{ID: 1}) {
			if !errors.Is(err, history.ErrUnknown) {
				t.Errorf("Versions: %v", err)
			}
		}
		must(t, db.Unscoped().Delete(&tenant{ID: 1}).Error)
		_, err := history.Revert(ctx, db.DB, lastRecord(t, db.DB), history.SkipUnknown())
		must(t, err)
		var got tenant
		if must(t, db.First(&got, 1).Error); got.Name != "now" {
			t.Errorf("brought back is %+v", got)
		}
	})
}

// A trail that was taken over from elsewhere goes as far back as its records.
func TestTrailWithOlderRecords(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		db := old(t, g, 2)
		ctx := context.Background()
		must(t, db.Model(&tenant{ID: 1}).Update("name", "changed").Error)
		bound, err := emitter.Table(emitter.NoCreate()).Bind(db.Plain(t))
		must(t, err)
		must(t, bound.Emit(ctx, []audit.Record{{
			Time: time.Now().AddDate(-2, 0, 0), Action: audit.Update, Outcome: audit.Success, RecordType: "other", Table: "others", RecordID: "1",
			Before: map[string]any{"a": int64(1)}, After: map[string]any{"a": int64(2)}, Changed: []string{"a"}, SchemaVersion: audit.SchemaVersion,
		}}))
		for name, ask := range aboutMoment(ctx, db.DB, 1) {
			if err := ask(history.At(time.Now().AddDate(-1, 0, 0))); err != nil {
				t.Errorf("%s a year ago: %v", name, err)
			}
			if err := ask(history.At(time.Now().AddDate(-3, 0, 0))); !errors.Is(err, history.ErrBeforeTrail) {
				t.Errorf("%s three years ago: %v", name, err)
			}
		}
		// What others' records said is kept in mind when they are pruned, also twice.
		for range 2 {
			_, err = history.Prune(ctx, db.DB, history.PruneOptions{OlderThan: time.Now().AddDate(-1, -6, 0), Types: []string{"other"}})
			must(t, err)
			for name, ask := range aboutMoment(ctx, db.DB, 1) {
				if err := ask(history.At(time.Now().AddDate(-1, 0, 0))); err != nil {
					t.Errorf("pruned, %s a year ago: %v", name, err)
				}
				if err := ask(history.At(time.Now().AddDate(-3, 0, 0))); !errors.Is(err, history.ErrBeforeTrail) {
					t.Errorf("pruned, %s three years ago: %v", name, err)
				}
			}
			must(t, bound.Emit(ctx, []audit.Record{{
				Time: time.Now().AddDate(-1, -7, 0), Action: audit.Update, Outcome: audit.Success, RecordType: "other", Table: "others", RecordID: "1",
				Before: map[string]any{"a": int64(1)}, After: map[string]any{"a": int64(2)}, Changed: []string{"a"}, SchemaVersion: audit.SchemaVersion,
			}}))
		}
	})
}
