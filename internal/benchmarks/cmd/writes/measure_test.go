package main

import (
	"testing"

	"github.com/gorm-audit/auditplugin/internal/benchmarks/subject"
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
