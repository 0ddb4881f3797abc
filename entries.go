package auditplugin

import (
	"context"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/internal/entry"
)

// findEntryWriters finds out whether records can be kept as entries: where nobody but
// tables of our own, which agree on sizes, wants them.
func (p *Plugin) findEntryWriters() {
	p.writers, p.columnLimit = nil, 0
	if len(p.others) > 0 || len(p.transactional) == 0 {
		return
	}
	var writers []entry.Writer
	for _, e := range p.transactional {
		w, ok := e.(entry.Writer)
		if !ok || len(writers) > 0 && w.ColumnLimit() != writers[0].ColumnLimit() {
			return
		}
		writers = append(writers, w)
	}
	p.writers, p.columnLimit = writers, writers[0].ColumnLimit()
}

// batch is what a transaction has recorded, or a part of it: records, or, where the
// plugin has writers for them, entries. Never both.
type batch struct {
	records []audit.Record
	entries []entry.Entry
}

func (b *batch) len() int { return len(b.records) + len(b.entries) }

// from is what follows the first n.
func (b *batch) from(n int) batch {
	if len(b.entries) > 0 {
		return batch{entries: b.entries[n:]}
	}
	return batch{records: b.records[n:]}
}

func (b *batch) append(more batch) {
	b.records = append(b.records, more.records...)
	b.entries = append(b.entries, more.entries...)
}

// truncate keeps the first n.
func (b *batch) truncate(n int) {
	if len(b.entries) > 0 {
		clear(b.entries[n:]) // their texts are not needed any more
		b.entries = b.entries[:n]
		return
	}
	b.records = b.records[:n]
}

// first says what the first of them is about.
func (b *batch) first() audit.Record {
	if len(b.entries) > 0 {
		return b.entries[0].About()
	}
	return b.records[0]
}

// batchOf is what the transaction keeps of records.
func (p *Plugin) batchOf(records []audit.Record) batch {
	if p.writers == nil {
		return batch{records: records}
	}
	c := entry.Converter{Limit: p.columnLimit}
	entries := make([]entry.Entry, len(records))
	for i := range records {
		entries[i] = c.Entry(&records[i], c.Encoder().Images(&records[i]))
	}
	return batch{entries: entries}
}

// emitTx hands b to the n-th transactional emitter.
func (p *Plugin) emitTx(ctx context.Context, n int, conn audit.Conn, b batch) error {
	return safely(func() error {
		if p.writers != nil {
			return p.writers[n].WriteEntries(ctx, conn, b.entries)
		}
		return p.transactional[n].EmitTx(ctx, conn, b.records)
	})
}
