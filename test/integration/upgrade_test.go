package integration_test

import (
	"strings"
	"sync"
	"testing"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/emitter"
	"github.com/gorm-audit/auditplugin/history"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
)

// An audit table of an earlier release gets its columns when processes start, several at
// once, and its records stay.
func TestEarlierAuditTable(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		old := g.Open(t)
		if err := old.AutoMigrate(&visit{}, &visitStop{}); err != nil {
			t.Fatal(err)
		}
		if err := old.Create(&visit{ID: 1}).Error; err != nil {
			t.Fatal(err)
		}
		drop := []string{"DROP INDEX idx_audit_logs_tenant"}
		if g.Dialect == testdb.MySQL {
			drop[0] += " ON audit_logs"
		}
		added := []string{"tenant", "session_id", "on_behalf_of_id", "on_behalf_of_type", "on_behalf_of_name"}
		for _, column := range added {
			drop = append(drop, "ALTER TABLE audit_logs DROP COLUMN "+column)
		}
		for _, statement := range drop {
			if _, err := old.Raw.Exec(statement); err != nil {
				t.Fatal(err)
			}
		}
		if len(emitter.Columns()) != 34 {
			t.Fatal("are the columns that this test drops all that came later?")
		}
		var starting sync.WaitGroup
		for range 4 {
			db := old.Plain(t)
			starting.Go(func() {
				if err := db.Use(auditplugin.New()); err != nil {
					t.Error(err)
				}
			})
		}
		starting.Wait()
		db := old.Plain(t)
		if err := db.Use(auditplugin.New(auditplugin.WithEmitter(emitter.Table(emitter.NoCreate())))); err != nil {
			t.Fatal(err)
		}
		ctx := audit.WithTenant(t.Context(), "acme")
		if err := db.WithContext(ctx).Model(&visit{ID: 1}).Update("place", "Oslo").Error; err != nil {
			t.Fatal(err)
		}
		records, err := history.Of(db, &visit{ID: 1}).Find(t.Context())
		if err != nil || len(records) != 2 || records[0].Tenant != "" || records[1].Tenant != "acme" {
			t.Errorf("%+v, %v", records, err)
		}
		// Statements by hand give the index, too.
		statements, err := emitter.Table().Upgrade(g.Dialect)
		if err != nil {
			t.Fatal(err)
		}
		for statement := range strings.SplitSeq(statements, ";\n") {
			if strings.Contains(statement, "INDEX") {
				if _, err := old.Raw.Exec(statement); err != nil {
					t.Fatal(err)
				}
			}
		}
		if n, err := history.Search(db).Tenant("acme").Count(t.Context()); err != nil || n != 1 {
			t.Errorf("%d records of the tenant, %v", n, err)
		}
	})
}
