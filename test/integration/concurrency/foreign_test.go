package concurrency

import (
	"errors"
	"slices"
	"testing"
	"time"

	"gorm.io/gorm/clause"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/test/integration/oracle"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
)

// TestForeignInsert: DO NOTHING meets a row that another session inserted after
// the portable path had looked for it. That row is not ours to record.
func TestForeignInsert(t *testing.T) {
	for name, c := range map[string]struct {
		rows    []counter
		records int
		err     error
	}{
		"one row":        {[]counter{{Name: "theirs", Hits: 1}}, 0, nil},
		"one of two":     {[]counter{{Name: "theirs", Hits: 1}, {Name: "ours", Hits: 1}}, 0, auditplugin.ErrAuditFailed},
		"one and an old": {[]counter{{Name: "theirs", Hits: 1}, {Name: "old", Hits: 1}}, 0, nil},
	} {
		t.Run(name, func(t *testing.T) {
			testdb.On(t, testdb.Postgres, func(t *testing.T, g testdb.Target) {
				rows, records, want := slices.Clone(c.rows), c.records, c.err
				if !g.Portable && name == "one of two" {
					records, want = 1, nil // RETURNING tells which row is ours
				}
				d := g.Open(t, testdb.Before(migrate))
				must(t, d.Plain(t).Create(&counter{Name: "old"}).Error)
				other, err := d.Raw.Begin()
				must(t, err)
				_, err = other.Exec("INSERT INTO counters VALUES ('theirs', 7)")
				must(t, err)
				done := make(chan error, 1)
				go func() { done <- d.Clauses(clause.OnConflict{DoNothing: true}).Create(&rows).Error }()
				awaitLock(t, d)
				must(t, other.Commit())
				err = <-done
				if !errors.Is(err, want) {
					t.Errorf("Create returned %v, want %v", err, want)
				}
				if n := len(oracle.Trail(t, d.Raw, g.Dialect)); n != records {
					t.Errorf("%d records, want %d", n, records)
				}
			})
		})
	}
}

// awaitLock waits until a session of d waits for a lock.
func awaitLock(t *testing.T, d *testdb.DB) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
		var n int
		must(t, d.Raw.QueryRow(`SELECT count(*) FROM pg_stat_activity
			WHERE wait_event_type = 'Lock' AND application_name = current_setting('application_name')`).Scan(&n))
		if n > 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("nobody waits for a lock")
		}
	}
}
