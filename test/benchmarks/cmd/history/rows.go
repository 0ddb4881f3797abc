package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/emitter"
	"github.com/gorm-audit/auditplugin/history"
)

// Crate is the model whose rows are put together and undone.
type Crate struct {
	ID        uint
	Name      string `gorm:"size:80"`
	Note      string `gorm:"size:80"`
	Count     int
	Weight    float64
	CreatedAt time.Time
	UpdatedAt time.Time
	DeletedAt gorm.DeletedAt
}

const (
	longTrail   = 20_000 // records of one row
	changedRows = 3_000
	busyRow     = 1_000_000 // its key
)

// task is something asked of rows, or done to them.
type task struct {
	name    string
	samples int
	// do returns how many rows it concerned.
	do func() (rows int, err error)
	// plain is what GORM does with as many rows without a trail, to compare with.
	plain func() error
}

// measureRows times what package history makes of rows, and counts GORM's statements.
func (d *database) measureRows(first map[string]float64) error {
	if err := d.loadRows(); err != nil {
		return err
	}
	fmt.Println("\n| Rows | least ms | p50 ms | plain GORM ms | ratio | to the first database | statements |")
	fmt.Println("|---|--:|--:|--:|--:|--:|--:|")
	for _, t := range d.tasks() {
		var took, bare []time.Duration
		statements := 0
		for range t.samples {
			d.seen.count = 0
			from := time.Now()
			rows, err := t.do()
			took = append(took, time.Since(from))
			if statements = d.seen.count; err != nil {
				return fmt.Errorf("%s: %w", t.name, err)
			}
			if rows == 0 {
				return fmt.Errorf("auditplugin: %s: no rows", t.name)
			}
			from = time.Now()
			if err := t.plain(); err != nil {
				return fmt.Errorf("%s, plain: %w", t.name, err)
			}
			bare = append(bare, time.Since(from))
		}
		p50, base := middle(took), middle(bare)
		to := "1.0"
		if other, ok := first[t.name]; ok {
			to = fmt.Sprintf("%.1f", p50/other)
		} else {
			first[t.name] = p50
		}
		// The least is what it takes where nothing else runs, also when something else does.
		least := float64(took[0].Microseconds()) / 1000
		fmt.Printf("| %s | %.2f | %.2f | %.2f | %.1f | %s | %d |\n", t.name, least, p50, base, p50/base, to, statements)
	}
	return nil
}

func middle(times []time.Duration) float64 {
	slices.Sort(times)
	return float64(times[len(times)/2].Microseconds()) / 1000
}

func (d *database) tasks() []task {
	one := func() error { return d.db.First(&Crate{}, busyRow).Error }
	all := func() error { return d.db.Find(&[]Crate{}).Error }
	early := history.At(begin.Add(time.Second + time.Millisecond)) // behind the creation
	between := history.At(begin.Add(longTrail / 2 * time.Second))
	asOf := func(m history.Moment) func() (int, error) {
		return func() (int, error) {
			return 1, history.AsOf(context.Background(), d.db, &Crate{ID: busyRow}, m)
		}
	}
	return []task{
		{"AsOf behind 20,000 records, at their beginning", 31, asOf(early), one},
		{"AsOf behind 20,000 records, in their middle", 31, asOf(between), one},
		{"Blame behind 20,000 records", 31, func() (int, error) {
			lines, err := history.Blame(context.Background(), d.db, &Crate{ID: busyRow})
			return len(lines), err
		}, one},
		{"AsOfAll over 3,000 changed rows", 5, func() (int, error) {
			n := 0
			for _, err := range history.AsOfAll[Crate](context.Background(), d.db, d.before) {
				if err != nil {
					return n, err
				}
				n++
			}
			return n, nil
		}, all},
		{"RevertTransaction of 3,000 updates, and of that", 4, func() (int, error) {
			return d.revertLast(audit.Update)
		}, func() error {
			return d.db.Session(&gorm.Session{}).Model(&Crate{}).Where("id <= ?", changedRows).UpdateColumn("weight", gorm.Expr("weight + 1")).Error
		}},
		{"RevertTransaction of 3,000 deletions", 1, func() (int, error) {
			if err := d.db.Unscoped().Where("id <= ?", changedRows).Delete(&Crate{}).Error; err != nil {
				return 0, err
			}
			d.seen.count = 0
			return d.revertLast(audit.Delete)
		}, all},
	}
}

// revertLast undoes the newest transaction with such a change.
func (d *database) revertLast(action audit.Action) (int, error) {
	last, err := history.Search(d.db).Action(action).Scopes(func(tx *gorm.DB) *gorm.DB {
		return tx.Where("table_name = 'crates' AND record_id = '1' AND transaction_id <> ''")
	}).Newest().First(context.Background())
	if err != nil {
		return 0, err
	}
	d.seen.count = 0
	done, err := history.RevertTransaction(context.Background(), d.db, last.TransactionID, history.Force())
	return len(done.Steps), err
}

// loadRows makes one row with a long trail, and many that were changed at once.
func (d *database) loadRows() error {
	ctx := context.Background()
	db := d.db.Session(&gorm.Session{})
	if err := db.AutoMigrate(&Crate{}); err != nil {
		return err
	}
	rows := make([]Crate, changedRows)
	for i := range rows {
		rows[i] = Crate{ID: uint(i + 1), Name: fmt.Sprint("crate ", i), Note: "as it came", Weight: 0.5}
	}
	if err := db.CreateInBatches(&rows, 500).Error; err != nil {
		return err
	}
	time.Sleep(2 * time.Millisecond)
	d.before = time.Now()
	time.Sleep(2 * time.Millisecond)
	if err := db.Model(&Crate{}).Where("id <= ?", changedRows).Updates(map[string]any{"name": gorm.Expr("note"), "count": gorm.Expr("id")}).Error; err != nil {
		return err
	}
	bound, err := emitter.Table().Bind(db)
	if err != nil {
		return err
	}
	batch := make([]audit.Record, 0, loadAtOnce)
	for i := range longTrail {
		r := audit.Record{
			Time: begin.Add(time.Duration(i+1) * time.Second), Outcome: audit.Success, Action: audit.Update, RecordType: "crate", Table: "crates",
			RecordID: fmt.Sprint(busyRow), Actor: audit.Actor{ID: "7", Type: "user"}, Reason: "counted", RequestID: "a-request-of-some-length-0000000000",
			UserAgent: "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0", SchemaVersion: audit.SchemaVersion,
		}
		at := begin.Add(time.Duration(i+1) * time.Second)
		if i == 0 {
			r.Action = audit.Create
			r.After = map[string]any{"id": int64(busyRow), "name": "busy", "note": "first", "count": int64(0), "weight": 1.5, "created_at": at, "updated_at": at, "deleted_at": nil}
		} else {
			r.Before = map[string]any{"count": int64(i - 1), "updated_at": at.Add(-time.Second)}
			r.After = map[string]any{"count": int64(i), "updated_at": at}
			r.Changed = []string{"count", "updated_at"}
			r.Changes = []audit.Change{{Path: "count", From: int64(i - 1), To: int64(i)}, {Path: "updated_at", From: at.Add(-time.Second), To: at}}
		}
		if batch = append(batch, r); len(batch) == loadAtOnce || i == longTrail-1 {
			if err := bound.Emit(ctx, batch); err != nil {
				return err
			}
			batch = batch[:0]
		}
	}
	raw := map[string]any{"id": busyRow, "name": "busy", "note": "first", "count": longTrail - 1, "weight": 1.5, "created_at": begin.Add(time.Second), "updated_at": begin.Add(longTrail * time.Second)}
	if err := db.WithContext(audit.Skip(ctx, "the trail is made by hand")).Table("crates").Create(raw).Error; err != nil {
		return err
	}
	return db.Exec(map[string]string{"sqlite": "ANALYZE", "postgres": "VACUUM ANALYZE audit_logs", "mysql": "ANALYZE TABLE audit_logs"}[d.kind]).Error
}
