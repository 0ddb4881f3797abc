package main

import (
	"fmt"

	"github.com/gorm-audit/auditplugin/test/benchmarks/subject"
)

// target is the highest ratio that is good enough, or for throughput the lowest;
// 0 where there is none.
type target struct {
	plain, trigger float64
	atLeast        bool
}

const (
	// writers is the name of the work that many goroutines do at once.
	writers = "writers"
	// memoryTarget is how much more memory than plain GORM the largest statement
	// may take, in bytes.
	memoryTarget = 64 << 20
	// extraAllocs is how many allocations an update by key may have beyond plain
	// GORM's.
	extraAllocs = 60
	// leastRounds is how many values it takes for their range to hold the median of
	// endlessly many in 95 of 100 runs.
	leastRounds = 6
)

// extraStatements is how many statements, and round trips, an update by key may
// have beyond plain GORM's; 0 is no limit.
func extraStatements(k subject.Kind) float64 {
	return map[subject.Kind]float64{subject.Postgres: 1, subject.MySQL: 2}[k]
}

// targetOf returns what is aimed at for a work on a kind of database. Ratios to plain
// GORM are aimed at for commits that last; without them, a commit costs next to
// nothing and every ratio is larger, the trigger's too.
func targetOf(work string, k subject.Kind, m subject.Mode) target {
	t := durableTarget(work, k)
	if m == subject.NoSync && work != "read" && work != "unaudited" {
		t.plain = 0
	}
	return t
}

func durableTarget(work string, k subject.Kind) target {
	by := func(sqlite, postgres, mysql float64) float64 {
		return map[subject.Kind]float64{subject.SQLite: sqlite, subject.Postgres: postgres, subject.MySQL: mysql}[k]
	}
	switch work {
	case "create":
		return target{plain: by(1.4, 1.25, 1.2), trigger: 1.1}
	case "update", "delete":
		return target{plain: by(1.75, 1.35, 1.5), trigger: 1.15}
	case "transaction":
		return target{plain: by(2.2, 1.6, 1.6), trigger: 1.1}
	case "create1000":
		return target{plain: 2, trigger: 1}
	case "update1000":
		return target{trigger: by(1.3, 1, 1)}
	case "update100000":
		return target{trigger: 1.2}
	case "upsert1000":
		return target{plain: 3}
	case "read", "unaudited":
		return target{plain: 1.02, trigger: 1.02}
	case writers:
		return target{plain: 0.75, trigger: 0.95, atLeast: true}
	}
	return target{}
}

// verdict says whether a ratio meets its limit. A question mark says that the limit
// lies in the 95 % interval of the median, or that there are too few rounds for one:
// more would tell.
func (t target) verdict(s spread, limit float64) string {
	if limit == 0 || s.n == 0 {
		return ""
	}
	sign, met := "≤", s.median <= limit
	if t.atLeast {
		sign, met = "≥", s.median >= limit
	}
	word := "missed"
	if met {
		word = "met"
	}
	if s.n < leastRounds || s.low <= limit && limit <= s.high {
		word += "?"
	}
	return fmt.Sprintf("%s %.2f %s", sign, limit, word)
}
