package history_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/history"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
	"gorm.io/gorm"
)

// left lists the records of a question by action and new name.
func (s scene) left(q history.Query) (names []string) {
	s.Helper()
	records, err := q.Find(s.ctx)
	s.ok(err)
	for _, r := range records {
		names = append(names, fmt.Sprint(r.Action, " ", r.After["name"]))
	}
	return names
}

// The creation and the last records of each row stay, and nothing that is asked is
// answered with what is gone.
func TestPruneKeepsTheLast(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		s := openShop(t, g)
		s.ok(s.AutoMigrate(&parcel{}))
		busy, calm, key := parcel{ID: 1, Name: "0"}, parcel{ID: 2, Name: "0"}, shopSealer{"x", 1, "0"}
		s.do("create", func(db *gorm.DB) error {
			return errors.Join(db.Create([]*parcel{&busy, &calm}).Error, db.Create(&key).Error)
		})
		type then struct {
			name string
			at   history.Moment
			time time.Time
		}
		var thens []then
		note := func(name string) {
			last, err := history.Of(s.DB.DB, &busy).Newest().First(s.ctx)
			s.ok(err)
			thens = append(thens, then{name, history.After(last), time.Now()})
			time.Sleep(time.Millisecond)
		}
		note("0")
		update := func(from, to int) {
			for i := from; i <= to; i++ {
				s.do("update", func(db *gorm.DB) error {
					return errors.Join(db.Model(&busy).Update("name", fmt.Sprint(i)).Error, db.Model(&key).Update("name", fmt.Sprint(i)).Error)
				})
				note(fmt.Sprint(i))
			}
		}
		update(1, 20)
		s.do("calm", func(db *gorm.DB) error { return db.Model(&calm).Update("name", "1").Error })

		o := history.PruneOptions{KeepLast: 4, Types: []string{"parcel"}, Batch: 5, DryRun: true}
		planned, err := history.Prune(s.ctx, s.DB.DB, o)
		s.ok(err)
		if n, _ := history.Search(s.DB.DB).Type("parcel").Count(s.ctx); planned.Deleted != 16 || n != 23 {
			t.Fatalf("planned %+v, left %d", planned, n)
		}
		var told []int64
		o.DryRun, o.Progress = false, func(p history.PruneProgress) { told = append(told, p.Deleted) }
		done, err := history.Prune(audit.WithReason(s.ctx, "enough"), s.DB.DB, o)
		s.ok(err)
		if done.Deleted != 16 || fmt.Sprint(told) != "[5 10 15 16]" {
			t.Errorf("%+v, told %v", done, told)
		}
		if got := s.left(history.Of(s.DB.DB, &busy)); fmt.Sprint(got) != "[create 0 update 17 update 18 update 19 update 20]" {
			t.Errorf("left %q", got)
		}
		if got := s.left(history.Of(s.DB.DB, &calm)); len(got) != 2 {
			t.Errorf("calm: %q", got)
		}
		if n, _ := history.Of(s.DB.DB, &key).Count(s.ctx); n != 21 {
			t.Errorf("another type: %d left", n)
		}
		again, err := history.Prune(s.ctx, s.DB.DB, o)
		if n, _ := history.Search(s.DB.DB).Type("audit_prune").Count(s.ctx); err != nil || again.Deleted != 0 || n != 2 {
			t.Errorf("again: %+v, %v, %d records of it", again, err, n)
		}
		update(21, 22)
		for i, then := range thens {
			for _, err := range []error{s.wasNamed(&busy, then.at, then.name), s.wasNamed(&busy, history.At(then.time), then.name)} {
				// From the 17th on, fewer than four records that may have been pruned come behind.
				if pruned := i < 17; errors.Is(err, history.ErrPruned) != pruned || !pruned && err != nil {
					t.Errorf("moment %d: %v", i, err)
				}
			}
			if i <= 20 {
				s.ok(s.wasNamed(&calm, history.At(then.time), "0"))
			}
		}
		for i, then := range thens {
			var err error
			for row, failed := range history.AsOfAll[parcel](s.ctx, s.DB.DB, then.at) {
				if err = failed; failed == nil && row.ID == busy.ID && row.Name != then.name {
					t.Errorf("all rows at moment %d: %+v", i, row)
				}
			}
			if pruned := i < 17; errors.Is(err, history.ErrPruned) != pruned || !pruned && err != nil {
				t.Errorf("all rows at moment %d: %v", i, err)
			}
		}
		lines, err := history.Blame(s.ctx, s.DB.DB, &busy)
		s.ok(err)
		if lines[0].Record != nil || lines[1].Record == nil {
			t.Errorf("blamed %+v", lines)
		}
		if lines, err = history.Blame(s.ctx, s.DB.DB, &calm); err != nil || lines[0].Record == nil {
			t.Errorf("calm: %v, %+v", err, lines)
		}
		var states []string
		for v, err := range history.Versions(s.ctx, s.DB.DB, &busy) {
			s.ok(err)
			states = append(states, fmt.Sprint(v.Record.Action, v.Row.Name))
		}
		if fmt.Sprint(states) != "[create0 16 update17 update18 update19 update20 update21 update22]" {
			t.Errorf("states %q", states)
		}
		if _, err := history.Diff(s.ctx, s.DB.DB, &busy, thens[3].at, thens[20].at); !errors.Is(err, history.ErrPruned) {
			t.Errorf("diff: %v", err)
		}
		// By table, and by age too: only the old ones are let go of.
		half, err := history.Of(s.DB.DB, &key).Oldest().Limit(11).Find(s.ctx)
		s.ok(err)
		for _, r := range half {
			age(t, s.DB, r.Seq, time.Now().AddDate(0, 0, -40))
		}
		done, err = history.Prune(s.ctx, s.DB.DB, history.PruneOptions{
			KeepLast: 3, OlderThan: time.Now().AddDate(0, 0, -30), Tables: []string{"shop_sealers"},
		})
		s.ok(err)
		if got := s.left(history.Of(s.DB.DB, &key)); done.Deleted != 10 || len(got) != 13 || got[0] != "create 0" || got[1] != "update 11" {
			t.Errorf("%+v, left %q", done, got)
		}
		// A table whose row has that many records behind a moment may have lost others.
		buyer := shopParcel{OrderNo: 9, Box: 1}
		s.ok(s.DB.DB.Create(&buyer).Error)
		if err := history.AsOf(s.ctx, s.DB.DB, &shopParcel{OrderNo: 9, Box: 1}, time.Now(), history.With("Marks", "Seals")); err != nil {
			t.Errorf("other tables: %v", err)
		}
	})
}

func (s scene) wasNamed(p *parcel, at history.Moment, name string) error {
	got := parcel{ID: p.ID}
	if err := history.AsOf(s.ctx, s.DB.DB, &got, at); err != nil {
		return err
	}
	if got.Name != name {
		return fmt.Errorf("it was %q, not %q", got.Name, name)
	}
	return nil
}

// Associations are refused where a row may have belonged and its record is gone.
func TestPruneKeepAndWith(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		s := openShop(t, g)
		order := shopOrder{ID: 1, Lines: []shopLine{{ID: 1, Item: "a"}}}
		s.do("order", func(db *gorm.DB) error { return db.Create(&order).Error })
		first, err := history.Search(s.DB.DB).Newest().First(s.ctx)
		s.ok(err)
		s.do("moved", func(db *gorm.DB) error { return db.Model(&shopLine{ID: 1}).Update("order_id", 2).Error })
		for i := range 6 {
			s.do("update", func(db *gorm.DB) error { return db.Model(&shopLine{ID: 1}).Update("qty", i+1).Error })
		}
		last, err := history.Search(s.DB.DB).Newest().First(s.ctx)
		s.ok(err)
		_, err = history.Prune(s.ctx, s.DB.DB, history.PruneOptions{KeepLast: 2})
		s.ok(err)
		got := shopOrder{ID: 1}
		if err := history.AsOf(s.ctx, s.DB.DB, &got, history.After(first), history.With("Lines")); !errors.Is(err, history.ErrPruned) {
			t.Errorf("a line that belonged: %v, %+v", err, got.Lines)
		}
		s.ok(history.AsOf(s.ctx, s.DB.DB, &got, history.After(last), history.With("Lines")))
		s.ok(history.AsOf(s.ctx, s.DB.DB, &got, history.After(first), history.With("Tags")))
	})
}

// A dry run of a pruning by age counts what it would delete.
func TestPruneDryRun(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		s := openShop(t, g)
		s.ok(s.AutoMigrate(&parcel{}))
		for range 7 {
			s.do("parcel", func(db *gorm.DB) error { return db.Create(&parcel{}).Error })
		}
		s.do("tag", func(db *gorm.DB) error { return db.Create(&shopTag{}).Error })
		time.Sleep(2 * time.Millisecond)
		o := history.PruneOptions{OlderThan: time.Now(), Tables: []string{"parcels"}, DryRun: true}
		planned, err := history.Prune(s.ctx, s.DB.DB, o)
		s.ok(err)
		n, err := history.Search(s.DB.DB).Count(s.ctx)
		s.ok(err)
		if planned.Deleted != 7 || n != 8 {
			t.Errorf("planned %+v, left %d", planned, n)
		}
		o.DryRun = false
		done, err := history.Prune(s.ctx, s.DB.DB, o)
		s.ok(err)
		records, err := history.Search(s.DB.DB).Find(s.ctx)
		s.ok(err)
		types := []string{}
		for _, r := range records {
			types = append(types, r.RecordType)
		}
		if done.Deleted != planned.Deleted || !slices.Equal(types, []string{"shop_tag", "audit_prune", "audit_prune"}) {
			t.Errorf("done %+v, left %q", done, types)
		}
		got := parcel{ID: 1}
		if err := history.AsOf(s.ctx, s.DB.DB, &got, time.Now().Add(-time.Hour)); !errors.Is(err, history.ErrPruned) {
			t.Errorf("before: %v", err)
		}
		if err := history.AsOf(s.ctx, s.DB.DB, &shopTag{ID: 1}, time.Now().Add(-time.Hour)); errors.Is(err, history.ErrPruned) {
			t.Errorf("another table: %v", err)
		}
	})
}
