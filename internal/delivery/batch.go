package delivery

import (
	"context"
	"slices"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/internal/entry"
	"github.com/gorm-audit/auditplugin/internal/fault"
)

// Batch is what a transaction has recorded, or a part of it: records, or, where somebody
// writes them, entries. Never both.
type Batch struct {
	Records []audit.Record
	Entries []entry.Entry
}

// Len is how many there are.
func (b *Batch) Len() int { return len(b.Records) + len(b.Entries) }

// From is what follows the first n.
func (b *Batch) From(n int) Batch {
	if len(b.Entries) > 0 {
		return Batch{Entries: b.Entries[n:]}
	}
	return Batch{Records: b.Records[n:]}
}

// Part is a copy of those from one place to another.
func (b *Batch) Part(from, to int) Batch {
	if len(b.Entries) > 0 {
		return Batch{Entries: slices.Clone(b.Entries[from:to])}
	}
	return Batch{Records: slices.Clone(b.Records[from:to])}
}

// Append adds more of the same kind.
func (b *Batch) Append(more Batch) {
	b.Records = append(b.Records, more.Records...)
	b.Entries = append(b.Entries, more.Entries...)
}

// Truncate leaves the first n.
func (b *Batch) Truncate(n int) {
	if len(b.Entries) > 0 {
		clear(b.Entries[n:]) // their texts are not needed any more
		b.Entries = b.Entries[:n]
		return
	}
	clear(b.Records[n:])
	b.Records = b.Records[:n]
}

// First says what the first of them is about.
func (b *Batch) First() audit.Record {
	if len(b.Entries) > 0 {
		return b.Entries[0].About()
	}
	return b.Records[0]
}

// BatchOf is what a transaction holds of records.
func (d *Delivery) BatchOf(records []audit.Record) Batch {
	limit, ok := d.WantsEntries()
	if !ok {
		return Batch{Records: records}
	}
	c := entry.Converter{Limit: limit}
	entries := make([]entry.Entry, len(records))
	for i := range records {
		entries[i] = c.Entry(&records[i], c.Encoder().Images(&records[i]))
	}
	return Batch{Entries: entries}
}

// Write hands b to the transactional emitters, until one fails.
func (d *Delivery) Write(ctx context.Context, conn audit.Conn, b Batch) error {
	if err := d.Unready(); err != nil {
		return err
	}
	in := d.in.Load()
	if in == nil {
		return nil
	}
	begun := d.Observe.Begin()
	for n, e := range in.transactional {
		err := fault.Guard(func() error {
			if in.writers != nil {
				return in.writers[n].WriteEntries(ctx, conn, b.Entries)
			}
			return e.EmitTx(ctx, conn, b.Records)
		})
		if err != nil {
			d.Observe.Flushed(ctx, b.Len(), begun, err)
			return err
		}
	}
	d.Observe.Flushed(ctx, b.Len(), begun, nil)
	return nil
}
