package proof

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/gorm-audit/auditplugin/internal/integration/testdb"
	"pgregory.net/rapid"
)

// What runs unless the flags say otherwise: the same histories every time, so that
// a change is judged by itself. Hunt for new ones with -rapid.checks and
// -rapid.seed 0, which draws a seed.
var defaults = map[string]string{"rapid.checks": "150", "rapid.seed": "1"}

func TestMain(m *testing.M) {
	flag.Parse()
	unset := maps.Clone(defaults)
	flag.Visit(func(f *flag.Flag) { delete(unset, f.Name) })
	for name, value := range unset {
		if err := flag.Set(name, value); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}

// judge collects what the oracle says, so that rapid can shrink the history.
type judge struct {
	testing.TB
	said []string
}

type verdict struct{}

func (j *judge) Helper() {}

func (j *judge) Errorf(format string, args ...any) {
	j.said = append(j.said, fmt.Sprintf(format, args...))
}

func (j *judge) Fatalf(format string, args ...any) {
	j.Errorf(format, args...)
	panic(verdict{})
}

func (j *judge) guard(f func()) {
	defer func() {
		if r := recover(); r != nil {
			if _, ok := r.(verdict); !ok {
				panic(r)
			}
		}
	}()
	f()
}

// try runs a history on both databases and returns what is wrong.
func (w *world) try(h history) []string {
	j := &judge{}
	on := w.handles[h.handle]
	if err := w.clear(on.audited.Target.Portable); err != nil {
		j.Errorf("%v", err)
		return j.said
	}
	on.audited.Announced.Reset()
	var audited, plain []noted
	on.clock.ticks = 0
	for _, s := range h.steps {
		_ = s.run(on.plain, &plain) // its outcome is in the log
	}
	on.clock.ticks = 0
	for _, s := range h.steps {
		_ = s.run(on.audited.DB, &audited)
	}
	w.ops += len(audited)
	j.sameOutcomes(plain, audited)
	j.sameTables(w)
	j.guard(func() { w.rows += len(w.oracle.Check(j, on.audited.Announced.Batches())) })
	return j.said
}

func (j *judge) sameOutcomes(plain, audited []noted) {
	for i := range min(len(plain), len(audited)) {
		if plain[i].err != "" && plain[i].err == audited[i].err {
			continue // MariaDB fills in rows of a refused INSERT; see TestFoundRowsBeforeARefusedOne
		}
		if plain[i] != audited[i] {
			j.Errorf("the application sees the plugin: %s\n  plain   %s\n  audited %s", plain[i].code, plain[i].outcome, audited[i].outcome)
		}
	}
	if len(plain) != len(audited) {
		j.Errorf("%d outcomes without the plugin, %d with it", len(plain), len(audited))
	}
}

func (j *judge) sameTables(w *world) {
	plain, err := w.dump(w.bare)
	if err != nil {
		j.Errorf("dump: %v", err)
	}
	audited, err := w.dump(w.raw)
	if err != nil {
		j.Errorf("dump: %v", err)
	}
	for _, name := range slices.Sorted(maps.Keys(plain)) {
		if !reflect.DeepEqual(plain[name], audited[name]) {
			j.Errorf("table %s differs:\n  plain   %s\n  audited %s", name, strings.Join(plain[name], "\n          "), strings.Join(audited[name], "\n          "))
		}
	}
	for name := range audited {
		if plain[name] == nil {
			j.Errorf("table %s differs: only the audited one has rows: %v", name, audited[name])
		}
	}
}

func TestRandomHistories(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		w := newWorld(t, g.Dialect)
		rapid.Check(t, func(r *rapid.T) {
			h := histories(g.Dialect, len(w.handles)).Draw(r, "history")
			if said := w.try(h); len(said) > 0 {
				r.Fatalf("%s", strings.Join(said, "\n"))
			}
		})
		t.Logf("%s: %d operations, %d records", g.Dialect, w.ops, w.rows)
	})
}
