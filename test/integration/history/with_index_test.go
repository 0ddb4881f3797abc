package history_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/emitter"
	"github.com/gorm-audit/auditplugin/history"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"
)

// sentSQL keeps all statements.
type sentSQL struct {
	logger.Interface
	all []string
}

func (c *sentSQL) LogMode(logger.LogLevel) logger.Interface { return c }

func (c *sentSQL) Trace(_ context.Context, _ time.Time, f func() (string, int64), _ error) {
	statement, _ := f()
	c.all = append(c.all, statement)
}

// The indexes that docs/history.md names serve the questions of With.
func TestWithUsesTheDocumentedIndexes(t *testing.T) {
	testdb.On(t, testdb.Postgres, func(t *testing.T, g testdb.Target) {
		if g.Portable {
			t.Skip("it asks, and writes nothing")
		}
		s := openShop(t, g)
		bound, err := emitter.Table().Bind(s.DB.DB)
		s.ok(err)
		var records []audit.Record
		for i := range 20000 {
			records = append(records, audit.Record{
				Action: audit.Create, RecordType: "shop_line", Table: "shop_lines", RecordID: fmt.Sprint(i), After: map[string]any{"id": i, "order_id": int64(i / 10)},
			})
		}
		s.ok(bound.Emit(s.ctx, records))
		for _, image := range []string{"before", "after"} {
			s.ok(s.DB.Exec("CREATE INDEX idx_fk_" + image + " ON audit_logs ((" + image + " ->> 'order_id')) WHERE table_name = 'shop_lines'").Error)
		}
		s.ok(s.DB.Exec("ANALYZE audit_logs").Error)
		sent := &sentSQL{Interface: logger.Discard}
		found, err := history.Of(s.DB.Session(&gorm.Session{Logger: sent}), &shopOrder{ID: 7}).With("Lines").Find(s.ctx)
		s.ok(err)
		if len(found) != 10 {
			t.Errorf("%d records", len(found))
		}
		for _, statement := range sent.all {
			if strings.Contains(statement, "->>") {
				if plan := s.plan(statement); !strings.Contains(plan, "idx_fk_before") || !strings.Contains(plan, "idx_fk_after") {
					t.Errorf("%s\n%s", statement, plan)
				}
				return
			}
		}
		t.Errorf("no question looked into the images: %q", sent.all)
	})
}
