package main

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"time"

	"github.com/gorm-audit/auditplugin/test/benchmarks/cost"
	"github.com/gorm-audit/auditplugin/test/benchmarks/subject"
	"github.com/gorm-audit/auditplugin/test/benchmarks/work"
)

// result is one work on one database in one mode.
type result struct {
	kind  subject.Kind
	mode  subject.Mode
	work  string
	title string
	// ops is how many operations a turn has.
	ops int
	// perOp is the time of one operation, in seconds.
	perOp map[subject.Variant]spread
	// toPlain is time divided by plain GORM's in the same round.
	toPlain map[subject.Variant]spread
	// toTrigger is the plugin's time divided by the trigger's.
	toTrigger spread
	// costs is what one operation takes, if it was counted.
	costs map[subject.Variant]cost.Cost
	// memory is what one operation takes beyond plain GORM's, of the largest work.
	memory map[subject.Variant]memory
}

// arena is one database in one mode, with its variants opened.
type arena struct {
	*options
	place    *subject.Place
	mode     subject.Mode
	subjects []*subject.Subject
	next     int // number of the next operation
}

// enter opens the variants on a place of their own.
func enter(o *options, k subject.Kind, m subject.Mode, trail int) (_ *arena, err error) {
	place, err := subject.NewPlace(k, o.dir)
	if err != nil {
		return nil, err
	}
	place.Trail = trail
	a := &arena{options: o, place: place, mode: m}
	for _, v := range o.variants {
		s, err := place.Open(v, m, o.big(), nil)
		if err != nil {
			return nil, errors.Join(err, a.leave())
		}
		a.subjects = append(a.subjects, s)
	}
	return a, nil
}

func (a *arena) leave() error {
	var errs []error
	for _, s := range a.subjects {
		errs = append(errs, s.Close())
	}
	return errors.Join(append(errs, a.place.Drop())...)
}

// measure lets the variants take turns at a work. What the machine does besides
// falls on all of them alike, since ratios compare turns of the same round.
func (a *arena) measure(w work.Work) (*result, error) {
	ops, rounds := 1, a.rounds
	switch {
	case w.Big:
		rounds = a.bigs
	case w.Bulk():
		ops = bulkOps
	default:
		var err error
		if ops, err = a.calibrate(w); err != nil {
			return nil, err
		}
	}
	r := &result{kind: a.place.Kind, mode: a.mode, work: w.Name, title: w.Title, ops: ops}
	perOp := map[subject.Variant][]float64{}
	for round := range rounds + 1 {
		took, err := a.round(w, round, ops)
		if err != nil {
			return nil, err
		}
		if round == 0 {
			continue // fills caches
		}
		for v, d := range took {
			perOp[v] = append(perOp[v], d.Seconds()/float64(ops))
		}
	}
	r.perOp, r.toPlain, r.toTrigger = compare(perOp)
	if w.Big && !a.again {
		var err error
		if r.memory, err = a.measureMemory(w); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// compare divides, round by round, by plain GORM's and by the trigger's number.
func compare(by map[subject.Variant][]float64) (each, toPlain map[subject.Variant]spread, toTrigger spread) {
	each, toPlain = map[subject.Variant]spread{}, map[subject.Variant]spread{}
	for v, x := range by {
		each[v] = spreadOf(x)
		if v != subject.Plain {
			toPlain[v] = spreadOf(ratios(x, by[subject.Plain]))
		}
	}
	if len(by[subject.Plugin]) > 0 && len(by[subject.Trigger]) > 0 {
		toTrigger = spreadOf(ratios(by[subject.Plugin], by[subject.Trigger]))
	}
	return each, toPlain, toTrigger
}

func ratios(x, to []float64) []float64 {
	all := make([]float64, len(x))
	for i := range x {
		all[i] = x[i] / to[i]
	}
	return all
}

// order is who has a turn when: another one first in each round, and the other way
// round in every second, so that nobody always comes after the same one.
func (a *arena) order(round int) []*subject.Subject {
	n := len(a.subjects)
	turns := make([]*subject.Subject, n)
	for i := range turns {
		turns[i] = a.subjects[(round/2+i)%n]
	}
	if round%2 == 1 {
		slices.Reverse(turns)
	}
	return turns
}

// round is one turn of each variant.
func (a *arena) round(w work.Work, round, ops int) (map[subject.Variant]time.Duration, error) {
	took := map[subject.Variant]time.Duration{}
	for _, s := range a.order(round) {
		d, err := a.turn(s, w, ops)
		if err != nil {
			return nil, fmt.Errorf("%s, %s: %w", w.Name, s.Variant, err)
		}
		took[s.Variant] = d
	}
	a.next += ops + warm(w)
	return took, nil
}

// bulkOps is how many operations on many rows a turn has.
const bulkOps = 2

// warm is how many operations a turn begins with that are not measured: the first
// row of an empty table makes files, and the last one's turn left other things in
// the caches. One operation on very many rows outweighs that.
func warm(w work.Work) int {
	switch {
	case w.Big:
		return 0
	case w.Bulk():
		return 1
	}
	return 3
}

// turn does operations number a.next and on, and then restores the tables.
func (a *arena) turn(s *subject.Subject, w work.Work, ops int) (time.Duration, error) {
	first := a.next + warm(w)
	if w.Before != nil {
		if err := w.Before(s, a.next, warm(w)+ops); err != nil {
			return 0, err
		}
	}
	runtime.GC() // nobody collects another's garbage
	for i := a.next; i < first; i++ {
		if err := w.Do(s.DB, i); err != nil {
			return 0, err
		}
	}
	var d time.Duration
	err := a.labelled(s, w, func() error {
		start := time.Now()
		defer func() { d = time.Since(start) }()
		for i := range ops {
			if err := w.Do(s.DB, first+i); err != nil {
				return err
			}
		}
		return nil
	})
	return d, errors.Join(err, s.Restore((warm(w)+ops)*w.Writes))
}

// calibrate finds how many operations plain GORM does in a slice of time.
func (a *arena) calibrate(w work.Work) (int, error) {
	const trial, least, most = 10, 5, 1000
	var best time.Duration
	for range 3 {
		d, err := a.turn(a.subjects[0], w, trial)
		if err != nil {
			return 0, fmt.Errorf("%s: %w", w.Name, err)
		}
		a.next += trial + warm(w)
		if best == 0 || d < best {
			best = d
		}
	}
	return min(max(int(a.slice/(best/trial)), least), most), nil
}
