package history_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/emitter"
	"github.com/gorm-audit/auditplugin/history"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
	"gorm.io/gorm"
)

type parcel struct {
	ID   uint
	Name string `gorm:"size:80"`
}

// month is the beginning of the present month, and of others, in UTC.
func month(ahead int) time.Time {
	now := time.Now().UTC()
	return time.Date(now.Year(), now.Month()+time.Month(ahead), 1, 0, 0, 0, 0, time.UTC)
}

// age moves records back in time, and so into other partitions.
func age(t *testing.T, db *testdb.DB, seq int64, at time.Time) {
	t.Helper()
	if _, err := db.Raw.Exec(fmt.Sprintf("UPDATE audit_logs SET occurred_at = '%s' WHERE seq = %d", at.UTC().Format("2006-01-02 15:04:05"), seq)); err != nil {
		t.Fatal(err)
	}
}

func eachServer(t *testing.T, f func(t *testing.T, g testdb.Target)) {
	t.Helper()
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		if g.Dialect == testdb.SQLite {
			t.Skip("SQLite has no partitions")
		}
		f(t, g)
	})
}

func TestPartitions(t *testing.T) {
	eachServer(t, func(t *testing.T, g testdb.Target) {
		db := g.Open(t, testdb.WithoutPlugin())
		ddl, err := history.PartitionSchema(g.Dialect, "audit_logs", month(-11), 11) // not the present month
		if err != nil {
			t.Fatal(err)
		}
		for _, statement := range strings.SplitAfter(ddl, ";\n") {
			if strings.TrimSpace(statement) != "" {
				if _, err := db.Raw.Exec(statement); err != nil {
					t.Fatalf("%v in %s", err, statement)
				}
			}
		}
		if err := db.AutoMigrate(&parcel{}); err != nil {
			t.Fatal(err)
		}
		if err := db.Use(auditplugin.New(auditplugin.WithEmitter(emitter.Table(emitter.NoCreate())), quiet)); err != nil {
			t.Fatalf("the plugin refuses the table: %v", err)
		}
		ctx := context.Background()
		p := parcel{Name: "0"}
		must(t, db.Create(&p).Error)
		for i := range 12 {
			must(t, db.Model(&p).Update("name", fmt.Sprint(i+1)).Error)
		}
		records, err := history.Of(db.DB, &p).Find(ctx)
		must(t, err)
		if len(records) != 13 {
			t.Fatalf("%d records", len(records))
		}
		for i, r := range records[:10] { // two of each of five months
			age(t, db, r.Seq, month(-8+i/2).AddDate(0, 0, 20))
		}

		// The present month's records went to the partition for all other times.
		var wait sync.WaitGroup
		made := make([][]string, 3)
		for i := range made {
			wait.Add(1)
			go func() {
				defer wait.Done()
				var err error
				if made[i], err = history.EnsurePartitions(ctx, db.DB, 2); err != nil {
					t.Error(err)
				}
			}()
		}
		wait.Wait()
		names := slices.Sorted(slices.Values(slices.Concat(made...)))
		if len(names) != 3 || !strings.HasSuffix(names[2], month(2).Format("p200601")) {
			t.Errorf("made %v", names)
		}
		if again, err := history.EnsurePartitions(ctx, db.DB, 2); err != nil || len(again) != 0 {
			t.Errorf("made again %v, %v", again, err)
		}
		must(t, db.Model(&p).Update("name", "13").Error)
		if n, err := history.Of(db.DB, &p).Count(ctx); err != nil || n != 14 {
			t.Errorf("%d records, %v", n, err)
		}

		// Three months go as a whole, and one row of the fourth.
		cutoff := month(-5).AddDate(0, 0, 20).Add(time.Second)
		done, err := history.Prune(audit.WithReason(ctx, "law"), db.DB, history.PruneOptions{OlderThan: cutoff, Batch: 1})
		if err != nil {
			t.Fatal(err)
		}
		if done.Deleted != 8 || len(done.Partitions) != 6 { // three of them were empty
			t.Errorf("%+v", done)
		}
		left, err := history.Search(db.DB).Find(ctx)
		must(t, err)
		if len(left) != 6+2 || left[len(left)-1].Reason != "law" {
			t.Errorf("%d records left", len(left))
		}
		var got parcel
		got.ID = p.ID
		must(t, history.AsOf(ctx, db.DB, &got, cutoff))
		if got.Name != "7" {
			t.Errorf("at the horizon: %+v", got)
		}
		if err := history.AsOf(ctx, db.DB, &got, cutoff.Add(-time.Minute)); !errors.Is(err, history.ErrPruned) {
			t.Errorf("beyond it: %+v, %v", got, err)
		}
		must(t, db.Model(&p).Update("name", "14").Error) // and on it goes
	})
}

// A pruning by type, on a plain table of each database, while others write.
func TestPruneWhileOthersWrite(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		db := g.Open(t, testdb.Before(func(db *gorm.DB) error { return db.Session(&gorm.Session{NewDB: true}).AutoMigrate(&parcel{}) }))
		ctx, cancel := context.WithCancel(context.Background())
		rows := make([]parcel, 120)
		must(t, db.Create(&rows).Error)
		time.Sleep(2 * time.Millisecond)
		cutoff := time.Now()
		var wait sync.WaitGroup
		wait.Add(1)
		wrote := 0
		go func() {
			defer wait.Done()
			for ctx.Err() == nil {
				if err := db.Model(&rows[0]).Update("name", fmt.Sprint(wrote)).Error; err != nil {
					t.Errorf("a writer: %v", err)
					return
				}
				wrote++
			}
		}()
		done, err := history.Prune(context.Background(), db.DB, history.PruneOptions{OlderThan: cutoff, Types: []string{"parcel"}, Batch: 7, Pause: time.Millisecond})
		cancel()
		wait.Wait()
		must(t, err)
		n, err := history.Search(db.DB).Type("parcel").Count(context.Background())
		must(t, err)
		if done.Deleted != 120 || int(n) != wrote || wrote == 0 {
			t.Errorf("%+v; %d records left of %d writes", done, n, wrote)
		}
	})
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
