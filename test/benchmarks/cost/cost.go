// Package cost counts what one operation takes, whatever the machine: statements,
// round trips, allocations and bytes.
package cost

import (
	"database/sql"
	"errors"
	"fmt"
	"runtime"
	"slices"

	"github.com/gorm-audit/auditplugin/test/benchmarks/subject"
	"github.com/gorm-audit/auditplugin/test/benchmarks/wire"
	"github.com/gorm-audit/auditplugin/test/benchmarks/work"
)

// Cost is what one operation takes, on average over some operations.
type Cost struct {
	// Statements, Prepares and RoundTrips are as package wire counts them.
	Statements, Prepares, RoundTrips float64
	// Sent and Received are bytes on the wire; 0 for SQLite.
	Sent, Received float64
	// Allocs and AllocBytes are what the Go program allocates, the driver included.
	Allocs, AllocBytes float64
}

// Minus returns what c takes beyond other.
func (c Cost) Minus(other Cost) Cost {
	return Cost{
		c.Statements - other.Statements, c.Prepares - other.Prepares, c.RoundTrips - other.RoundTrips,
		c.Sent - other.Sent, c.Received - other.Received, c.Allocs - other.Allocs, c.AllocBytes - other.AllocBytes,
	}
}

// Table is what operations take, by the work's name and the variant.
type Table map[string]map[subject.Variant]Cost

// Traffic returns what each variant's operations send and receive in one mode on one
// kind of database, in a place of its own, and leaves allocations at 0.
func Traffic(k subject.Kind, m subject.Mode, dir string, works []work.Work, variants ...subject.Variant) (Table, error) {
	return of(k, m, dir, false, works, variants)
}

// Of returns what [Traffic] does, and allocations. While it counts those, the
// program has one processor.
func Of(k subject.Kind, m subject.Mode, dir string, works []work.Work, variants ...subject.Variant) (Table, error) {
	return of(k, m, dir, true, works, variants)
}

func of(k subject.Kind, m subject.Mode, dir string, allocs bool, works []work.Work, variants []subject.Variant) (_ Table, err error) {
	place, err := subject.NewPlace(k, dir)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, place.Drop()) }()
	all := Table{}
	for _, w := range works {
		all[w.Name] = map[subject.Variant]Cost{}
	}
	for _, v := range variants {
		if err := ofVariant(place, m, v, allocs, works, all); err != nil {
			return nil, fmt.Errorf("%s on %s: %w", v, k, err)
		}
	}
	return all, nil
}

// ofVariant counts statements through a pool that listens, and allocations through
// one that does not.
func ofVariant(place *subject.Place, m subject.Mode, v subject.Variant, allocs bool, works []work.Work, all Table) (err error) {
	var traffic *wire.Traffic
	counted, err := place.Open(v, m, slices.ContainsFunc(works, func(w work.Work) bool { return w.Big }), func(k subject.Kind, source string) (*sql.DB, error) {
		db, t, err := wire.Open(string(k), source)
		traffic = t
		return db, err
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, counted.Close()) }()
	plain, err := place.Attach(v, m, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, plain.Close()) }()
	next := 0
	for _, w := range works {
		c, err := carried(counted, traffic, w, &next)
		if err != nil {
			return fmt.Errorf("%s: %w", w.Name, err)
		}
		if allocs {
			if c.Allocs, c.AllocBytes, err = allocated(plain, w, &next); err != nil {
				return fmt.Errorf("%s: %w", w.Name, err)
			}
		}
		all[w.Name][v] = c
	}
	return nil
}

// run does n operations, within around.
func run(s *subject.Subject, w work.Work, next *int, n int, around func(do func() error) error) error {
	first := *next
	*next += n
	if w.Before != nil {
		if err := w.Before(s, first, n); err != nil {
			return err
		}
	}
	return around(func() error {
		for i := range n {
			if err := w.Do(s.DB, first+i); err != nil {
				return err
			}
		}
		return nil
	})
}

func once(do func() error) error { return do() }

// carried counts some operations, after some that prepare statements and fill caches.
func carried(s *subject.Subject, t *wire.Traffic, w work.Work, next *int) (Cost, error) {
	n, warm := 10, 5
	if w.Bulk() {
		n, warm = 1, 2
	}
	if err := run(s, w, next, warm, once); err != nil {
		return Cost{}, err
	}
	var c Cost
	if err := run(s, w, next, n, func(do func() error) error {
		before := t.Counts()
		err := do()
		counts := t.Counts().Minus(before)
		per := func(x int64) float64 { return float64(x) / float64(n) }
		c = Cost{
			Statements: per(counts.Statements), Prepares: per(counts.Prepares), RoundTrips: per(counts.RoundTrips),
			Sent: per(counts.Sent), Received: per(counts.Received),
		}
		return err
	}); err != nil {
		return Cost{}, err
	}
	return c, s.Restore((n + warm) * w.Writes)
}

// allocated returns the median of some series, of the sizes the least: a series in which the
// garbage collector emptied a pool, or a connection was opened, is not what an operation costs.
func allocated(s *subject.Subject, w work.Work, next *int) (count, bytes float64, err error) {
	const series, warm = 5, 2
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	n := 20
	if w.Bulk() {
		n = 1
	}
	var counts, sizes []float64
	for i := range series + warm {
		err := run(s, w, next, n, func(do func() error) error {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			err := do()
			runtime.ReadMemStats(&after)
			if i >= warm {
				counts = append(counts, float64(after.Mallocs-before.Mallocs)/float64(n))
				sizes = append(sizes, float64(after.TotalAlloc-before.TotalAlloc)/float64(n))
			}
			return err
		})
		if err != nil {
			return 0, 0, err
		}
	}
	slices.Sort(counts)
	slices.Sort(sizes)
	return counts[series/2], sizes[0], s.Restore((series + warm) * n * w.Writes)
}
