package companion

import (
	"database/sql"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"testing"

	"github.com/gorm-audit/auditplugin/test/integration/testdb"
)

// pgbouncerEnv names a PgBouncer in transaction mode that leads to any database.
const pgbouncerEnv = "AUDIT_PGBOUNCER_DSN"

// Behind a pooler each transaction may get another session: the mark does not care.
func TestManyWritersThroughPgBouncer(t *testing.T) {
	dsn, err := url.Parse(os.Getenv(pgbouncerEnv))
	if err != nil || dsn.String() == "" {
		t.Skip(pgbouncerEnv + " is not set")
	}
	q := dsn.Query()
	q.Set("default_query_exec_mode", "exec")
	dsn.RawQuery = q.Encode()
	admin, err := sql.Open("pgx", dsn.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = admin.Close() })
	name := fmt.Sprintf("audit_pooled_%d", rand.IntN(1e9))
	exec(t, admin, "CREATE DATABASE "+name)
	t.Cleanup(func() { exec(t, admin, "DROP DATABASE "+name+" WITH (FORCE)") })
	dsn.Path = "/" + name
	manyWriters(t, shop(t, testdb.Target{Dialect: testdb.Postgres}, testdb.In(dsn.String())))
}
