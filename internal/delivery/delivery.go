// Package delivery decides who gets records, and when: transactional emitters inside the
// transaction, the others after it committed.
package delivery

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/internal/entry"
	"github.com/gorm-audit/auditplugin/internal/observe"
	"github.com/gorm-audit/auditplugin/internal/origin"
)

// Delivery is safe for concurrent use once its fields are set.
type Delivery struct {
	// Origin describes events about records that were lost.
	Origin *origin.Origin
	// Outside is the pool that events outside a transaction are written on.
	Outside audit.Conn
	// OnError hears of errors without a caller, or is nil.
	OnError func(context.Context, error)
	// Log is for warnings, and for errors that OnError did not take; nil is slog's
	// default at the time.
	Log *slog.Logger
	// Observe is who else is told, or nil.
	Observe *observe.Observers

	in atomic.Pointer[inside] // nil while there are none
	// after are those that are told after the commit, others those of them that want
	// records.
	after, others []audit.Emitter

	columnLimit int // of a JSON column
	elsewhere   *elsewhere

	records, failed atomic.Uint64
	buffered        atomic.Int64
	failedAt        atomic.Int64 // in nanoseconds since 1970
}

// Use sets the emitters, bound to the database.
func (d *Delivery) Use(emitters []audit.Emitter) {
	in := &inside{}
	d.sort(in, emitters)
	in.writers, d.columnLimit = d.entryWriters(in.transactional)
	d.in.Store(in)
}

func (d *Delivery) sort(in *inside, emitters []audit.Emitter) {
	for _, e := range emitters {
		if g, ok := e.(audit.Group); ok {
			d.sort(in, g.Unwrap())
			continue
		}
		if t, ok := e.(audit.TxEmitter); ok {
			in.transactional = append(in.transactional, t)
			continue
		}
		d.after = append(d.after, e)
		if _, ok := e.(audit.CommitListener); !ok {
			d.others = append(d.others, e)
		}
	}
}

func (d *Delivery) entryWriters(transactional []audit.TxEmitter) (writers []entry.Writer, limit int) {
	if len(d.others) > 0 {
		return nil, 0
	}
	for _, e := range transactional {
		w, ok := e.(entry.Writer)
		if !ok || len(writers) > 0 && w.ColumnLimit() != limit {
			return nil, 0
		}
		writers, limit = append(writers, w), w.ColumnLimit()
	}
	return writers, limit
}

// transactional are the emitters that write in the transaction, as far as they are bound.
func (d *Delivery) transactional() []audit.TxEmitter {
	if in := d.in.Load(); in != nil {
		return in.transactional
	}
	return nil
}

// AuditTables are the tables that emitters write to in this database, with their schemas
// where those are known.
func (d *Delivery) AuditTables() []string {
	var names []string
	for _, e := range d.transactional() {
		if t, ok := e.(audit.TableNamer); ok && t.AuditTable() != "" {
			names = append(names, t.AuditTable())
		}
	}
	return names
}

// Survivor is the table that can tell what was committed, or nil.
func (d *Delivery) Survivor() audit.Survivor {
	for _, e := range d.transactional() {
		if s, ok := e.(audit.Survivor); ok {
			return s
		}
	}
	return nil
}

// WantsEntries reports whether records are written as entries, and how large their JSON
// columns may be.
func (d *Delivery) WantsEntries() (columnLimit int, ok bool) {
	if d.elsewhere != nil {
		return d.elsewhere.main.WantsEntries() // the records are made before it is known where they go
	}
	in := d.in.Load()
	return d.columnLimit, in != nil && in.writers != nil
}

// Writes reports whether anybody writes inside the transaction.
func (d *Delivery) Writes() bool {
	if d.elsewhere != nil {
		return d.elsewhere.main.Writes()
	}
	return len(d.transactional()) > 0
}

// Announces reports whether anybody hears of the commit.
func (d *Delivery) Announces() bool { return len(d.after) > 0 }

// Keeps reports whether anybody wants records after the commit.
func (d *Delivery) Keeps() bool { return len(d.others) > 0 }

// Logger is where warnings go.
func (d *Delivery) Logger() *slog.Logger {
	if d.Log != nil {
		return d.Log
	}
	return slog.Default()
}

// Counts are how many records were made, could not be handed to an emitter, and were
// dropped by one.
func (d *Delivery) Counts() (records, failed, dropped uint64) {
	for _, e := range d.after {
		if q, ok := e.(audit.Dropper); ok {
			dropped += q.Dropped()
		}
	}
	return d.records.Load(), d.failed.Load(), dropped
}

// Made counts records that were made.
func (d *Delivery) Made(n int) { d.counter().records.Add(uint64(n)) }

// Failed counts records that could not be handed on.
func (d *Delivery) Failed(n int) {
	c := d.counter()
	c.failed.Add(uint64(n))
	if n > 0 {
		c.failedAt.Store(time.Now().UnixNano())
	}
}

// Buffer counts records that open transactions hold in memory.
func (d *Delivery) Buffer(n int) {
	if n != 0 {
		d.counter().buffered.Add(int64(n))
	}
}

// Buffered is how many they hold.
func (d *Delivery) Buffered() int64 { return d.buffered.Load() }

// counter is the delivery that counts.
func (d *Delivery) counter() *Delivery {
	if d.elsewhere != nil {
		return d.elsewhere.main
	}
	return d
}
