package history

import (
	"cmp"
	"math"
	"slices"

	"github.com/gorm-audit/auditplugin/audit"
)

// span is a stretch of the trail in which something held: from right behind the
// record with seq from to right before the one with seq until, which ended it.
type span struct {
	from, until int64
	// tx is the transaction of the record at from, if there is one.
	tx string
}

// always is a span without a beginning and an end.
func always() span { return span{from: math.MinInt64, until: math.MaxInt64} }

// shows reports whether a record of the row that the span is about belongs to it:
// the one that began it, what its transaction did, and the one that ended it too.
func (s span) shows(r *audit.Record) bool {
	return r.Seq >= s.from && r.Seq <= s.until || s.tx != "" && r.TransactionID == s.tx
}

// and is the time in which both held.
func (s span) and(other span) (span, bool) {
	both := s
	if other.from > s.from || other.from == s.from && s.tx == "" {
		both.from, both.tx = other.from, other.tx
	}
	both.until = min(s.until, other.until)
	return both, both.from < both.until
}

// addSpan puts a span among others, in order, and joins those that touch.
func addSpan(spans []span, s span) []span {
	spans = append(slices.Clip(spans), s)
	slices.SortFunc(spans, func(a, b span) int { return cmp.Compare(a.from, b.from) })
	joined := spans[:1]
	for _, next := range spans[1:] {
		last := &joined[len(joined)-1]
		if next.from > last.until {
			joined = append(joined, next)
			continue
		}
		last.until = max(last.until, next.until)
	}
	return joined
}

// state is what some columns of a row held for a while.
type state struct {
	span
	cells []cell
}

// known returns the values, and false if one is not known or there was no row.
func (s state) known() ([]any, bool) {
	vals := make([]any, len(s.cells))
	for n, c := range s.cells {
		if c.state != known {
			return nil, false
		}
		vals[n] = c.value
	}
	return vals, true
}

// states puts together what the columns held from a row's records, oldest first, and
// the present row, nil if it is gone.
func (t *rowTable) states(columns []int, records []audit.Record, present []any) []state {
	b := stateBuilder{t: t, columns: columns}
	b.begin(math.MinInt64, "", nil)
	for i := range records {
		r := &records[i]
		switch r.Action {
		case audit.Create:
			b.begin(r.Seq, r.TransactionID, r.After)
		case audit.Delete:
			b.learn(r.Before)
			b.begin(r.Seq, r.TransactionID, nil)
		case audit.Event: // a baseline, which shows the row and changes nothing
			b.learn(r.After)
		default:
			b.learn(r.Before)
			b.change(r)
		}
	}
	if present != nil {
		for n, i := range columns {
			b.set(n, t.now(i, present[i]))
		}
	}
	return b.all
}

// stateBuilder goes forward through the records of one row.
type stateBuilder struct {
	t       *rowTable
	columns []int
	all     []state
	life    int // the first state of the row that is there now
}

func (b *stateBuilder) end(seq int64) {
	if n := len(b.all); n > 0 {
		b.all[n-1].until = seq
	}
}

// begin starts the life of a row, or the time without one.
func (b *stateBuilder) begin(seq int64, tx string, columns map[string]any) {
	b.end(seq)
	b.life = len(b.all)
	b.all = append(b.all, state{span: span{from: seq, until: math.MaxInt64, tx: tx}, cells: make([]cell, len(b.columns))})
	b.learn(columns)
}

// learn sets what was not known since the life began.
func (b *stateBuilder) learn(columns map[string]any) {
	for n, i := range b.columns {
		if v, ok := columns[b.t.columns[i].name]; ok {
			b.set(n, b.t.fromRecord(i, v))
		}
	}
}

func (b *stateBuilder) set(n int, c cell) {
	for at := len(b.all) - 1; at >= b.life && b.all[at].cells[n].state == unset; at-- {
		b.all[at].cells[n] = c
	}
}

// change starts a new state if r changed one of the columns.
func (b *stateBuilder) change(r *audit.Record) {
	last := b.all[len(b.all)-1]
	cells := slices.Clone(last.cells)
	changed := false
	for n, i := range b.columns {
		name := b.t.columns[i].name
		v, ok := r.After[name]
		switch {
		case ok:
			cells[n], changed = b.t.fromRecord(i, v), true
		case slices.Contains(r.Changed, name):
			cells[n], changed = cell{state: lost}, true
		}
	}
	if !changed {
		return
	}
	for n := range cells { // what stays unknown so far may be learned for both
		if cells[n].state == lost && last.cells[n].state == unset {
			b.set(n, cell{state: lost})
		}
	}
	b.end(r.Seq)
	b.all = append(b.all, state{span: span{from: r.Seq, until: math.MaxInt64, tx: r.TransactionID}, cells: cells})
	if slices.ContainsFunc(b.t.key, func(k int) bool { _, ok := r.After[b.t.columns[k].name]; return ok }) {
		b.begin(r.Seq+1, "", nil) // its further records have another id, and this one's are another row's
	}
}
