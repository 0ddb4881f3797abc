package benchmarks_test

import (
	"testing"

	"github.com/gorm-audit/auditplugin/test/benchmarks/cost"
	"github.com/gorm-audit/auditplugin/test/benchmarks/subject"
	"github.com/gorm-audit/auditplugin/test/benchmarks/work"
)

// slack is how much the mean of allocations moves from run to run, since the garbage
// collector empties pools: half an allocation, or one in 200.
func slack(allocs float64) float64 { return max(0.5, allocs/200) }

// What an operation sends does not depend on the machine, so it may not grow
// unnoticed.
func TestStatementsAndRoundTrips(t *testing.T) {
	for _, k := range subject.Kinds() {
		for _, m := range k.Modes() {
			if m == subject.NoSync {
				continue // sends what the default mode does
			}
			t.Run(string(k)+"/"+string(m), func(t *testing.T) {
				skipWithoutServer(t, k)
				t.Parallel()
				costs, err := cost.Traffic(k, m, t.TempDir(), pinnedWorks(t, k), subject.Plain, subject.Plugin)
				if err != nil {
					t.Fatal(err)
				}
				for name, p := range pins()[k] {
					more := costs[name][subject.Plugin].Minus(costs[name][subject.Plain])
					atMost(t, name+": statements", more.Statements, p.statements, 0)
					atMost(t, name+": round trips", more.RoundTrips, p.roundTrips, 0)
					if m == subject.Default {
						atMost(t, name+": prepared statements", more.Prepares, p.prepares, 0)
					}
				}
			})
		}
	}
}

func TestAllocations(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	for _, k := range subject.Kinds() {
		t.Run(string(k), func(t *testing.T) {
			skipWithoutServer(t, k)
			costs, err := cost.Of(k, subject.Default, t.TempDir(), pinnedWorks(t, k), subject.Plain, subject.Plugin)
			if err != nil {
				t.Fatal(err)
			}
			for name, p := range pins()[k] {
				more := costs[name][subject.Plugin].Minus(costs[name][subject.Plain])
				atMost(t, name+": allocations", more.Allocs, p.allocs, slack(p.allocs))
				atMost(t, name+": bytes", more.AllocBytes, p.bytes, max(64, p.bytes/20))
			}
		})
	}
}

// atMost fails when there is more than pinned, and tells when there is less.
func atMost(t *testing.T, what string, got, pinned, slack float64) {
	t.Helper()
	switch {
	case got > pinned+slack:
		t.Errorf("%s: %+.2f beyond plain GORM, pinned at %+.0f", what, got, pinned)
	case got < pinned-2*slack-0.01:
		t.Logf("%s: %+.2f beyond plain GORM: the pin of %+.0f can be lowered", what, got, pinned)
	}
}

func pinnedWorks(t *testing.T, k subject.Kind) []work.Work {
	t.Helper()
	var works []work.Work
	for _, w := range work.All() { // in a fixed order, unlike the map
		if _, ok := pins()[k][w.Name]; ok {
			works = append(works, w)
		}
	}
	if len(works) != len(pins()[k]) {
		t.Fatalf("a pin for %s is of no work", k)
	}
	return works
}

func skipWithoutServer(t *testing.T, k subject.Kind) {
	t.Helper()
	if env, ok := k.Server(); !ok {
		t.Skipf("%s is not set", env)
	}
}
