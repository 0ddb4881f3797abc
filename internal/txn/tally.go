package txn

import (
	"github.com/gorm-audit/auditplugin/internal/delivery"
	"github.com/gorm-audit/auditplugin/internal/observe"
)

// What observers are told when the transaction is over. The caller of all of these holds
// mu.

// count adds what was recorded.
func (l *Ledger) count(b delivery.Batch) {
	o := l.f.Delivery.Observe
	if o == nil {
		return
	}
	for i := range b.Records {
		r := &b.Records[i]
		l.tally = o.Add(l.tally, r.ID, r.Action, r.Table)
	}
	for i := range b.Entries {
		e := &b.Entries[i]
		l.tally = o.Add(l.tally, e.ID, e.Shared.Action(), e.Shared.Table())
	}
}

// discount takes out what was lost.
func (l *Ledger) discount(b delivery.Batch) {
	o := l.f.Delivery.Observe
	if o == nil {
		return
	}
	for i := range b.Records {
		r := &b.Records[i]
		o.Remove(l.tally, r.ID, r.Action, r.Table)
	}
	for i := range b.Entries {
		e := &b.Entries[i]
		o.Remove(l.tally, e.ID, e.Shared.Action(), e.Shared.Table())
	}
}

// tallied is what was counted; it counts anew from here on.
func (l *Ledger) tallied() *observe.Tally {
	t := l.tally
	l.tally = nil
	return t
}

// weigh tells Delivery how many records the buffer has now.
func (l *Ledger) weigh() {
	l.f.Delivery.Buffer(l.buffer.Len() - l.counted)
	l.counted = l.buffer.Len()
}
