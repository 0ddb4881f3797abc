package relay

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/history"
	"github.com/gorm-audit/auditplugin/relay"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
)

// partition replaces the audit table by a partitioned one.
func partition(t *testing.T, db *testdb.DB, cache string) {
	t.Helper()
	for _, statement := range []string{
		"ALTER TABLE audit_logs RENAME TO old_logs",
		"CREATE TABLE audit_logs (LIKE old_logs) PARTITION BY RANGE (seq)",
		"CREATE SEQUENCE numbers " + cache,
		"ALTER TABLE audit_logs ALTER COLUMN seq SET DEFAULT nextval('numbers')",
		"ALTER TABLE audit_logs ADD PRIMARY KEY (seq)",
		"CREATE TABLE audit_logs_1 PARTITION OF audit_logs FOR VALUES FROM (0) TO (5)",
		"CREATE TABLE audit_logs_2 PARTITION OF audit_logs DEFAULT",
	} {
		_, err := db.Raw.Exec(statement)
		must(t, err)
	}
}

// An INSERT into a partitioned table locks the parent, which is what is looked at.
func TestPostgresPartitionedTable(t *testing.T) {
	testdb.Only(t, testdb.Postgres, func(t *testing.T, g testdb.Target) {
		db := open(t, g, 0)
		partition(t, db, "")
		for range 6 {
			must(t, db.Create(&account{}).Error)
		}
		r, s := newRelay(t, db.DB), &sink{}
		must(t, r.Subscribe("a", s, relay.FromNow()))
		run(t, r)
		first, third := db.Begin(), db.Begin()
		write(t, first, 1, "first")
		write(t, third, 3, "third")
		must(t, db.Model(&account{ID: 2}).Update("phone", "second").Error)
		eventually(t, "the second", func() bool { return slices.Equal(s.ids(), []string{"update 2"}) })
		must(t, third.Rollback().Error)
		eventually(t, "one gap for two transactions that were open", func() bool { return stats(t, r, "a").Missing == 1 })
		must(t, first.Commit().Error)
		eventually(t, "the first", func() bool { return slices.Contains(s.ids(), "update 1") })
		eventually(t, "no gap", func() bool { return stats(t, r, "a").Missing == 0 })
	})
}

func TestPostgresSharedSequenceWithCacheIsRefused(t *testing.T) {
	testdb.Only(t, testdb.Postgres, func(t *testing.T, g testdb.Target) {
		db := open(t, g, 0)
		partition(t, db, "CACHE 5")
		if _, err := relay.New(db.DB); !errors.Is(err, relay.ErrUnsupported) {
			t.Fatalf("a sequence with a cache: %v", err)
		}
	})
}

// The monthly partitions that package history makes are read like any table.
func TestMonthlyPartitions(t *testing.T) {
	servers(t, func(t *testing.T, g testdb.Target) {
		ddl, err := history.PartitionSchema(g.Dialect, "audit_logs", time.Now().AddDate(0, -1, 0), 3)
		must(t, err)
		db := open(t, g, 3, testdb.Before(func(db *gorm.DB) error {
			for _, statement := range strings.SplitAfter(ddl, ";\n") {
				if strings.TrimSpace(statement) == "" {
					continue
				}
				if err := db.Exec(statement).Error; err != nil {
					return err
				}
			}
			return nil
		}))
		r, s := newRelay(t, db.DB), &sink{}
		must(t, r.Subscribe("a", s))
		run(t, r)
		first := db.Begin()
		write(t, first, 1, "first")
		must(t, db.Model(&account{ID: 2}).Update("phone", "second").Error)
		eventually(t, "the second", func() bool { return slices.Contains(s.ids(), "update 2") })
		time.Sleep(1500 * time.Millisecond) // longer than any rhythm of the settler
		must(t, first.Commit().Error)
		eventually(t, "the first", func() bool { return slices.Contains(s.ids(), "update 1") })
		eventually(t, "no gap", func() bool { return stats(t, r, "a").Missing == 0 })
	})
}
