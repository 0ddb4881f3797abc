package relay

import (
	"errors"
	"net/url"
	"strings"
	"testing"

	"github.com/gorm-audit/auditplugin/relay"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
)

// A role that may read the audit table and write the relay's own is enough.
func TestPostgresRole(t *testing.T) {
	testdb.SkipPooled(t, "it knows no role that is made while it runs")
	testdb.Only(t, testdb.Postgres, func(t *testing.T, g testdb.Target) {
		db := open(t, g, 3)
		dsn, err := url.Parse(db.DSN)
		must(t, err)
		schema := dsn.Query().Get("search_path")
		role := "r" + schema[len(schema)-20:]
		ddl, err := relay.Schema(g.Dialect)
		must(t, err)
		statements := append(strings.SplitAfter(ddl, ";\n"),
			"CREATE ROLE "+role+" LOGIN",
			"GRANT USAGE ON SCHEMA "+schema+" TO "+role,
			"GRANT SELECT ON audit_logs TO "+role,
			"GRANT SELECT, INSERT, UPDATE, DELETE ON audit_relay_positions, audit_relay_leases, audit_relay_dead TO "+role,
		)
		for _, statement := range statements {
			_, err := db.Raw.Exec(statement)
			must(t, err)
		}
		t.Cleanup(func() {
			_, err := db.Raw.Exec("DROP OWNED BY " + role + "; DROP ROLE " + role)
			must(t, err)
		})
		dsn.User = url.User(role)
		limited := g.Open(t, testdb.In(dsn.String()), testdb.WithoutPlugin())
		r, s := newRelay(t, limited.DB, relay.NoCreate()), &sink{}
		must(t, r.Subscribe("a", s, relay.FromNow()))
		must(t, r.Subscribe("dead", refusing{}))
		stop := run(t, r)
		first := db.Begin()
		write(t, first, 1, "first")
		must(t, db.Model(&account{ID: 2}).Update("phone", "2").Error)
		eventually(t, "the second", func() bool { return len(s.ids()) == 1 })
		must(t, first.Rollback().Error)
		eventually(t, "the gap to be given up", func() bool { return stats(t, r, "a").Missing == 0 })
		eventually(t, "dead letters", func() bool { return stats(t, r, "dead").Dead == 4 })
		stop()
		must(t, r.Subscriber("dead").Remove(t.Context()))
	})
}

// Sessions that do not commit by themselves would read an old state of the table.
func TestMariaDBWithoutAutocommitIsRefused(t *testing.T) {
	testdb.Only(t, testdb.MySQL, func(t *testing.T, g testdb.Target) {
		db := open(t, g, 0)
		off := g.Open(t, testdb.In(db.DSN+"&autocommit=0"), testdb.WithoutPlugin())
		if _, err := relay.New(off.DB); !errors.Is(err, relay.ErrUnsupported) {
			t.Fatalf("without autocommit: %v", err)
		}
	})
}
