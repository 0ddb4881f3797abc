package production

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/emitter"
	"github.com/gorm-audit/auditplugin/history"
	"github.com/gorm-audit/auditplugin/relay"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
)

// delivered runs a relay until n records have come, and returns what they are about.
func delivered(t *testing.T, d *testdb.DB, n int) []string {
	t.Helper()
	r, err := relay.New(d.DB)
	must(t, err)
	ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
	defer stop()
	var ids []string
	must(t, r.Subscribe("partner", emitter.Func(func(_ context.Context, records []audit.Record) error {
		for _, one := range records {
			if ids = append(ids, one.RecordID); len(ids) == n {
				stop()
			}
		}
		return nil
	})))
	_ = r.Run(ctx) // it ends with the context
	return ids
}

// A restored database has the rows, the trail and the relay's positions of one moment.
func TestRestore(t *testing.T) {
	g := testdb.Target{Dialect: testdb.SQLite}
	d := g.Open(t)
	must(t, d.AutoMigrate(&account{}))
	must(t, d.Create(&account{ID: 1, Phone: "1"}).Error)
	if ids := delivered(t, d, 1); strings.Join(ids, " ") != "1" {
		t.Fatalf("delivered: %v", ids)
	}
	backup := filepath.Join(t.TempDir(), "backup.db")
	_, err := d.Raw.Exec("VACUUM INTO ?", backup)
	must(t, err)
	must(t, d.Model(&account{ID: 1}).Update("phone", "2").Error)
	must(t, d.Create(&account{ID: 2, Phone: "1"}).Error)
	if ids := delivered(t, d, 2); strings.Join(ids, " ") != "1 2" {
		t.Fatalf("delivered before the restore: %v", ids)
	}

	restored := g.Open(t, testdb.In("file:"+backup+"?_busy_timeout=20000"))
	row, then := account{ID: 1}, account{ID: 1}
	must(t, restored.First(&row).Error)
	last, err := history.Of(restored.DB, &row).Newest().First(t.Context())
	must(t, err)
	must(t, history.AsOf(t.Context(), restored.DB, &then, history.AtSeq(last.Seq)))
	if row.Phone != "1" || then != row {
		t.Errorf("the row is %v, by its trail %v", row, then)
	}
	must(t, restored.Create(&account{ID: 3, Phone: "1"}).Error)
	if ids := delivered(t, restored, 1); strings.Join(ids, " ") != "3" {
		t.Errorf("delivered after the restore: %v", ids)
	}
}
