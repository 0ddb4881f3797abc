package capture

import (
	"github.com/gorm-audit/auditplugin/internal/statement"
	"github.com/gorm-audit/auditplugin/internal/table"
)

// Pair is what a row was, nil for one that was inserted, and what it is.
type Pair struct{ Before, After table.Image }

// Changed records changes that one statement made at once in an order in which they can be
// made one after the other: a row that gets the key of another comes behind it.
func Changed(s *statement.Statement, pairs []Pair) {
	t := s.Table
	had := make(map[string]int, len(pairs))
	for n, p := range pairs {
		if p.Before != nil && len(t.Key) > 0 {
			had[t.Identity(p.Before)] = n
		}
	}
	done := make([]bool, len(pairs))
	var record func(n int)
	record = func(n int) {
		if done[n] {
			return
		}
		done[n] = true // before what follows: keys may be handed on in a ring
		if len(had) > 0 {
			if first, taken := had[t.Identity(pairs[n].After)]; taken {
				record(first)
			}
		}
		s.Changed(t, pairs[n].Before, pairs[n].After)
	}
	for n := range pairs {
		record(n)
	}
}
