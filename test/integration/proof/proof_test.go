package proof

import (
	"flag"
	"maps"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/gorm-audit/auditplugin/test/integration/summary"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
	"gorm.io/gorm"
	"pgregory.net/rapid"
)

// What runs unless the flags say otherwise: the same histories every time, so that
// a change is judged by itself. Hunt for new ones with -rapid.checks and
// -rapid.seed 0, which draws a seed.
var defaults = map[string]string{"rapid.checks": "100", "rapid.seed": "1"}

func TestMain(m *testing.M) {
	flag.Parse()
	unset := maps.Clone(defaults)
	if n := operationsWanted(); n > 0 {
		unset["rapid.checks"] = strconv.Itoa(n) // a history has at least one
	}
	flag.Visit(func(f *flag.Flag) { delete(unset, f.Name) })
	for name, value := range unset {
		if err := flag.Set(name, value); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}

// operationsWanted is how many calls are to be made on each database, or 0 when the
// number of histories decides.
func operationsWanted() int {
	n, _ := strconv.Atoi(os.Getenv("AUDIT_PROOF_OPERATIONS"))
	return n
}

func TestRandomHistories(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		w := newWorld(t, g.Dialect)
		enough := operationsWanted()
		mismatches := int64(0)
		defer func() {
			t.Logf("%s: %d histories, %d operations, %d row changes, %d records: %v", g.Dialect, w.histories, w.operations, w.changes, w.records, w.actions)
			summary.Add(t, g.Dialect, summary.Counts{
				summary.Histories: int64(w.histories), summary.Operations: int64(w.operations), summary.RowChanges: int64(w.changes),
				summary.Records: int64(w.records), "records of cascades": int64(w.actions["cascade"]), summary.Mismatches: mismatches,
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

// play runs a program that a failing history printed.
func play(t *testing.T, dialect string, handle int, seeded bool, program func(p *player, db *gorm.DB)) {
	t.Helper()
	testdb.Only(t, dialect, func(t *testing.T, g testdb.Target) {
		w := newWorld(t, g.Dialect)
		if said := w.try(w.handles[handle], seeded, program); len(said) > 0 {
			t.Errorf("%s: %s", w.handles[handle].name, strings.Join(said, "\n"))
		}
	})
}
