package concurrency

import (
	"context"
	"testing"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
)

// TestSlowCommit: database/sql calls a transaction done when its COMMIT sets out.
// One that was begun out of the plugin's sight, and whose COMMIT takes a while, is
// announced all the same.
func TestSlowCommit(t *testing.T) {
	for name, opts := range map[string][]auditplugin.Option{"connection": nil, "unwrapped": {auditplugin.WithUnwrappedPool()}} {
		t.Run(name, func(t *testing.T) {
			testdb.Only(t, testdb.Postgres, func(t *testing.T, g testdb.Target) {
				d := g.Open(t, testdb.Before(migrate), testdb.WithPlugin(opts...))
				for _, query := range []string{
					"CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.3); RETURN NULL; END $$",
					"CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON counters DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION slow()",
				} {
					_, err := d.Raw.Exec(query)
					must(t, err)
				}
				must(t, d.Connection(func(tx *gorm.DB) error {
					return tx.Transaction(func(tx *gorm.DB) error { return tx.Create(&counter{Name: "slow"}).Error })
				}))
				must(t, d.Plugin.Close(context.Background()))
				if n := len(d.Announced.Records()); n != 1 {
					t.Errorf("%d records were announced, want 1", n)
				}
			})
		})
	}
}
