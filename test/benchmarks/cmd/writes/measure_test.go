package main

import (
	"testing"

	"github.com/gorm-audit/auditplugin/test/benchmarks/subject"
)

// Over some rounds, everybody is first as often as anybody, and comes after each of
// the others.
func TestOrder(t *testing.T) {
	a := &arena{}
	for _, v := range subject.Variants() {
		a.subjects = append(a.subjects, &subject.Subject{Variant: v})
	}
	first, after := map[subject.Variant]int{}, map[[2]subject.Variant]int{}
	for round := range 2 * len(a.subjects) {
		turns := a.order(round)
		seen := map[subject.Variant]bool{}
		for i, s := range turns {
			seen[s.Variant] = true
			if i > 0 {
				after[[2]subject.Variant{turns[i-1].Variant, s.Variant}]++
			}
		}
		if len(seen) != len(a.subjects) {
			t.Fatalf("round %d leaves someone out", round)
		}
		first[turns[0].Variant]++
	}
	for _, s := range a.subjects {
		if first[s.Variant] != 2 {
			t.Errorf("%s is first %d times, want 2", s.Variant, first[s.Variant])
		}
	}
	for pair, n := range after {
		if back := after[[2]subject.Variant{pair[1], pair[0]}]; n != back {
			t.Errorf("%s comes %d times after %s, and %d times before", pair[1], n, pair[0], back)
		}
	}
}

func TestMeet(t *testing.T) {
	a := spread{n: 7, q1: 1, q3: 2}
	for _, c := range []struct {
		other spread
		want  bool
	}{{spread{q1: 2, q3: 3}, true}, {spread{q1: 2.1, q3: 3}, false}, {spread{q1: 0, q3: 0.9}, false}, {spread{q1: 1.2, q3: 1.3}, true}, {spread{q1: 0, q3: 9}, true}} {
		if a.meet(c.other) != c.want || c.other.meet(a) != c.want {
			t.Errorf("%v and %v: want %v", a, c.other, c.want)
		}
	}
}
