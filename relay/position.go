package relay

import (
	"encoding/json"
	"fmt"
	"slices"
	"sort"

	"github.com/gorm-audit/auditplugin/audit"
)

// span is a range of sequence numbers, both ends included.
type span struct{ lo, hi int64 }

// position says which records were delivered: all up to high, but for those in
// gaps, which were not visible yet, or are not delivered yet. The gaps are in
// order, do not touch, and lie at or below high.
type position struct {
	high int64
	gaps []span
}

// see takes note of a read that returned exactly the records with the given
// sequence numbers, in order, of those above high and up to the last one: what lies
// between them is not visible yet. All of it counts as not delivered.
func (p *position) see(seqs []int64) {
	if len(seqs) == 0 {
		return
	}
	last := seqs[len(seqs)-1]
	if last <= p.high {
		return
	}
	p.add(span{p.high + 1, last})
	p.high = last
}

// add appends a gap above all others.
func (p *position) add(s span) {
	if n := len(p.gaps); n > 0 && p.gaps[n-1].hi+1 >= s.lo {
		p.gaps[n-1].hi = max(p.gaps[n-1].hi, s.hi)
		return
	}
	p.gaps = append(p.gaps, s)
}

// deliver takes a sequence number out of the gaps.
func (p *position) deliver(seq int64) {
	i := sort.Search(len(p.gaps), func(i int) bool { return p.gaps[i].hi >= seq })
	if i == len(p.gaps) || p.gaps[i].lo > seq {
		return
	}
	g := p.gaps[i]
	switch {
	case g.lo == seq && g.hi == seq:
		p.gaps = slices.Delete(p.gaps, i, i+1)
	case g.lo == seq:
		p.gaps[i].lo = seq + 1
	case g.hi == seq:
		p.gaps[i].hi = seq - 1
	default:
		p.gaps = slices.Insert(p.gaps, i+1, span{seq + 1, g.hi})
		p.gaps[i].hi = seq - 1
	}
}

// forget drops what lies at or below upto from the gaps, except the sequence
// numbers in keep, which are in order.
func (p *position) forget(upto int64, keep []int64) {
	var rest []span
	for _, g := range p.gaps {
		if g.lo > upto {
			rest = append(rest, g)
			continue
		}
		from := sort.Search(len(keep), func(i int) bool { return keep[i] >= g.lo })
		for _, seq := range keep[from:] {
			if seq > min(g.hi, upto) {
				break
			}
			rest = appendSpan(rest, span{seq, seq})
		}
		if g.hi > upto {
			rest = appendSpan(rest, span{upto + 1, g.hi})
		}
	}
	p.gaps = rest
}

func appendSpan(spans []span, s span) []span {
	if n := len(spans); n > 0 && spans[n-1].hi+1 == s.lo {
		spans[n-1].hi = s.hi
		return spans
	}
	return append(spans, s)
}

// MarshalJSON writes the gaps as pairs.
func (s span) MarshalJSON() ([]byte, error) { return fmt.Appendf(nil, "[%d,%d]", s.lo, s.hi), nil }

// UnmarshalJSON reads what MarshalJSON wrote.
func (s *span) UnmarshalJSON(text []byte) error {
	var pair [2]int64
	if err := json.Unmarshal(text, &pair); err != nil {
		return err
	}
	s.lo, s.hi = pair[0], pair[1]
	return nil
}

// group is what one call of a sink gets: one transaction's records, as far as a
// read had them, in order.
type group struct {
	records []audit.Record
}

func (g group) last() int64 { return g.records[len(g.records)-1].Seq }

// groups sorts the records of a read, which are in order, into transactions.
//
// A transaction's records need not be next to each other. Of two transactions that
// changed the same row, the later one waited for the earlier one to end, and so all
// its sequence numbers for that row are larger than all of the earlier one's: by
// their largest number, the groups are in order for each row.
//
// A record without a transaction, or one that cannot be read, is a group alone.
func groups(records []audit.Record, unreadable map[int64]error) []group {
	var all []group
	of := make(map[string]int)
	for _, r := range records {
		if unreadable[r.Seq] != nil {
			all = append(all, group{[]audit.Record{r}})
			continue
		}
		i, ok := of[r.TransactionID]
		if !ok || r.TransactionID == "" {
			i = len(all)
			of[r.TransactionID] = i
			all = append(all, group{})
		}
		all[i].records = append(all[i].records, r)
	}
	slices.SortStableFunc(all, func(a, b group) int {
		switch {
		case a.last() < b.last():
			return -1
		case a.last() > b.last():
			return 1
		}
		return 0
	})
	return all
}
