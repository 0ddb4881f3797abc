package companion

import (
	"testing"

	"github.com/gorm-audit/auditplugin/test/integration/testdb"
)

// Behind a pooler each transaction may get another session: the mark does not care.
func TestManyWritersThroughPgBouncer(t *testing.T) {
	if !testdb.Pooled() {
		t.Skip("PostgreSQL is reached without a pooler: .ci/with-engine pgbouncer-1.26")
	}
	manyWriters(t, shop(t, testdb.Target{Dialect: testdb.Postgres}))
}
