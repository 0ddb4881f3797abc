package proof

import (
	"strings"
	"testing"

	"github.com/gorm-audit/auditplugin/test/integration/summary"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
	"pgregory.net/rapid"
)

// The same histories with companion triggers on every table: the application sees no
// difference, nothing that the plugin records is recorded twice, and each row that raw SQL
// changed is recorded once.
func TestRandomHistoriesWithCompanions(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		w := newWorldWith(t, g.Dialect, true)
		enough, mismatches := operationsWanted(), int64(0)
		defer func() {
			t.Logf("%s: %d histories, %d operations, %d row changes, %d records of the plugin, %d of triggers", g.Dialect, w.histories, w.operations, w.changes, w.records, w.foreign)
			summary.Add(t, g.Dialect, summary.Counts{
				"operations beside triggers": int64(w.operations), "records of triggers": int64(w.foreign), summary.Mismatches: mismatches,
			})
		}()
		rapid.Check(t, func(r *rapid.T) {
			if enough > 0 && w.operations >= enough {
				return
			}
			h := histories(g.Dialect, len(w.handles)).Draw(r, "history")
			if said := w.try(w.handles[h.handle], h.seeded, h.run); len(said) > 0 {
				mismatches = 1
				r.Fatalf("on the handle %q: %s", w.handles[h.handle].name, strings.Join(said, "\n"))
			}
		})
	})
}
