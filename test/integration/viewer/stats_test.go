package viewer

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/auditweb"
	"github.com/gorm-audit/auditplugin/emitter"
	"github.com/gorm-audit/auditplugin/internal/dialect"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
)

// Statistics of some days do not go through the records of all the others.
func TestStatisticsKeepToTheirDays(t *testing.T) {
	testdb.On(t, dialect.MySQL, func(t *testing.T, g testdb.Target) {
		db := g.Open(t).DB
		bound, err := emitter.Table().Bind(db)
		if err != nil {
			t.Fatal(err)
		}
		const all, days = 6000, 100
		const step = days * 24 * time.Hour / all
		begin := time.Now().Add(-all*step + step/2)
		records := make([]audit.Record, all)
		for i := range records {
			records[i] = audit.Record{
				Time: begin.Add(time.Duration(i) * step), Action: audit.Update, Outcome: audit.Success,
				Table: "customers", RecordID: fmt.Sprint(i), Actor: audit.Actor{ID: fmt.Sprint(i % 50), Type: "user"}, SchemaVersion: audit.SchemaVersion,
			}
		}
		if err := bound.Emit(t.Context(), records); err != nil {
			t.Fatal(err)
		}
		if err := db.Exec("ANALYZE TABLE audit_logs").Error; err != nil {
			t.Fatal(err)
		}
		var asked []string
		if err := db.Callback().Row().After("gorm:row").Register("asked", func(tx *gorm.DB) {
			asked = append(asked, tx.Explain(tx.Statement.SQL.String(), tx.Statement.Vars...))
		}); err != nil {
			t.Fatal(err)
		}
		h, err := auditweb.New(db, auditweb.Public(), auditweb.Limits(time.Minute, 4))
		if err != nil {
			t.Fatal(err)
		}
		text := page(t, h, "/stats?days=31")
		if total := regexp.MustCompile(`([0-9,]+) records, at most`).FindStringSubmatch(text); total == nil || !strings.Contains(text, "changed "+total[1]+" ") {
			t.Errorf("%q are counted by day, and others by action: %s", total, text)
		}
		for _, sql := range asked {
			var plan struct{ Type, Key string }
			if err := db.Raw("EXPLAIN " + sql).Scan(&plan).Error; err != nil {
				t.Fatal(err)
			}
			if plan.Type != "range" {
				t.Errorf("%q by %q: %s", plan.Type, plan.Key, sql)
			}
		}
	})
}
