package relay

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/gorm-audit/auditplugin/audit"
)

// A position agrees with a plain set of what was delivered, whatever happens to it.
func TestPositionAgreesWithASet(t *testing.T) {
	for seed := range uint64(300) {
		rng := rand.New(rand.NewPCG(seed, 1))
		const numbers = 60
		var p position
		undelivered := make(map[int64]bool)
		for range 80 {
			switch rng.IntN(4) {
			case 0: // a read that returned some numbers above high
				var seqs []int64
				for seq := p.high + 1; seq <= min(p.high+8, numbers); seq++ {
					if rng.IntN(2) == 0 {
						seqs = append(seqs, seq)
					}
				}
				if len(seqs) > 0 {
					for seq := p.high + 1; seq <= seqs[len(seqs)-1]; seq++ {
						undelivered[seq] = true
					}
				}
				p.see(seqs)
			case 1, 2:
				seq := rng.Int64N(numbers) + 1
				p.deliver(seq)
				delete(undelivered, seq)
			case 3:
				upto := rng.Int64N(numbers)
				var keep []int64
				for seq := int64(1); seq <= numbers; seq++ {
					if rng.IntN(5) == 0 {
						keep = append(keep, seq)
					}
				}
				p.forget(upto, keep)
				for seq := range undelivered {
					if seq <= upto && !slices.Contains(keep, seq) {
						delete(undelivered, seq)
					}
				}
			}
			checkPosition(t, seed, p, undelivered)
		}
	}
}

func checkPosition(t *testing.T, seed uint64, p position, undelivered map[int64]bool) {
	t.Helper()
	var got []int64
	end := int64(-1)
	for _, g := range p.gaps {
		if g.lo > g.hi || g.lo <= end || g.hi > p.high {
			t.Fatalf("seed %d: gaps %v with high %d", seed, p.gaps, p.high)
		}
		end = g.hi
		for seq := g.lo; seq <= g.hi; seq++ {
			got = append(got, seq)
		}
	}
	var want []int64
	for seq := range undelivered {
		want = append(want, seq)
	}
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Fatalf("seed %d: not delivered are %v, want %v", seed, got, want)
	}
}

func TestGapsSurviveJSON(t *testing.T) {
	text, err := json.Marshal(gapState{Gaps: []span{{1, 1}, {5, 9}}, Upto: 9, Since: 4})
	if err != nil {
		t.Fatal(err)
	}
	back, err := parseGaps(string(text))
	if err != nil || string(text) != `{"gaps":[[1,1],[5,9]],"upto":9,"since":4}` || !slices.Equal(back.Gaps, []span{{1, 1}, {5, 9}}) || back.Upto != 9 {
		t.Fatalf("%s became %+v, %v", text, back, err)
	}
	if _, err := parseGaps("[]"); err == nil {
		t.Error("a list is no state")
	}
}

func TestGroups(t *testing.T) {
	record := func(seq int64, tx string) audit.Record { return audit.Record{Seq: seq, TransactionID: tx} }
	records := []audit.Record{
		record(1, "a"), record(2, "b"), record(3, ""), record(4, "bad"), record(5, "a"), record(6, ""), record(7, "bad"), record(8, "b"),
	}
	var got []string
	for _, g := range groups(records, map[int64]error{4: ErrUnreadable}) {
		text := ""
		for _, r := range g.records {
			text += fmt.Sprint(r.Seq, " ")
		}
		got = append(got, text)
	}
	// In the order of their last number, which is the order in which rows changed.
	if want := []string{"3 ", "4 ", "1 5 ", "6 ", "7 ", "2 8 "}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
