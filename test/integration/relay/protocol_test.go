package relay

import (
	"slices"
	"testing"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/relay"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
)

// The ways of sending statements that poolers such as pgbouncer need.
func TestPostgresWithoutPreparedStatements(t *testing.T) {
	for _, mode := range []string{"simple_protocol", "exec", "describe_exec"} {
		testdb.Only(t, testdb.Postgres, func(t *testing.T, g testdb.Target) {
			if mode == "describe_exec" {
				testdb.SkipPooled(t, "what is described by one session is run by another")
			}
			db := open(t, g, 3)
			other := g.Open(t, testdb.In(db.DSN+"&default_query_exec_mode="+mode), testdb.WithoutPlugin())
			r, s := newRelay(t, other.DB), &sink{}
			must(t, r.Subscribe("a", s, relay.FromNow()))
			must(t, r.Subscribe("dead", refusing{}))
			run(t, r)
			first, third := db.Begin(), db.Begin()
			write(t, first, 1, "first")
			write(t, third, 3, "third")
			must(t, db.Model(&account{ID: 2}).Update("phone", "2").Error)
			eventually(t, "the second", func() bool { return slices.Equal(s.ids(), []string{"update 2"}) })
			must(t, third.Rollback().Error)
			must(t, first.Commit().Error)
			eventually(t, "the first", func() bool { return slices.Equal(s.ids(), []string{"update 2", "update 1"}) })
			eventually(t, "no gap", func() bool { return stats(t, r, "a").Missing == 0 })
			eventually(t, "dead letters", func() bool { return stats(t, r, "dead").Dead == 5 })
			letters, err := r.Subscriber("dead").DeadLetters(t.Context(), 0, 10)
			must(t, err)
			// Which came first depends on when this subscriber read.
			if !slices.ContainsFunc(letters, func(l relay.DeadLetter) bool {
				return l.Record.RecordID == "1" && l.Record.Action == audit.Update
			}) {
				t.Errorf("%s: dead letters %+v", mode, letters)
			}
		})
	}
}
