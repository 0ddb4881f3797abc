// Package delivery decides who gets records, and when: transactional emitters inside the
// transaction, the others after it committed.
package delivery

import (
	"context"
	"log/slog"
	"sync/atomic"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/internal/entry"
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

	transactional []audit.TxEmitter
	others        []audit.Emitter
	// writers are transactional as such, where entries serve: where nobody but tables of
	// our own, which agree on sizes, wants records.
	writers     []entry.Writer
	columnLimit int // of a JSON column

	records, failed atomic.Uint64
}

// Use sets the emitters, bound to the database.
func (d *Delivery) Use(emitters []audit.Emitter) {
	for _, e := range emitters {
		if g, ok := e.(audit.Group); ok {
			d.Use(g.Unwrap())
			continue
		}
		if t, ok := e.(audit.TxEmitter); ok {
			d.transactional = append(d.transactional, t)
		} else {
			d.others = append(d.others, e)
		}
	}
	d.writers, d.columnLimit = d.entryWriters()
}

func (d *Delivery) entryWriters() (writers []entry.Writer, limit int) {
	if len(d.others) > 0 {
		return nil, 0
	}
	for _, e := range d.transactional {
		w, ok := e.(entry.Writer)
		if !ok || len(writers) > 0 && w.ColumnLimit() != limit {
			return nil, 0
		}
		writers, limit = append(writers, w), w.ColumnLimit()
	}
	return writers, limit
}

// AuditTables are the tables that emitters write to in this database, with their schemas
// where those are known.
func (d *Delivery) AuditTables() []string {
	var names []string
	for _, e := range d.transactional {
		if t, ok := e.(audit.TableNamer); ok && t.AuditTable() != "" {
			names = append(names, t.AuditTable())
		}
	}
	return names
}

// Survivor is the table that can tell what was committed, or nil.
func (d *Delivery) Survivor() audit.Survivor {
	for _, e := range d.transactional {
		if s, ok := e.(audit.Survivor); ok {
			return s
		}
	}
	return nil
}

// WantsEntries reports whether records are written as entries, and how large their JSON
// columns may be.
func (d *Delivery) WantsEntries() (columnLimit int, ok bool) { return d.columnLimit, d.writers != nil }

// Writes reports whether anybody writes inside the transaction.
func (d *Delivery) Writes() bool { return len(d.transactional) > 0 }

// Announces reports whether anybody hears of records after the commit.
func (d *Delivery) Announces() bool { return len(d.others) > 0 }

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
	for _, e := range d.others {
		if q, ok := e.(audit.Dropper); ok {
			dropped += q.Dropped()
		}
	}
	return d.records.Load(), d.failed.Load(), dropped
}

// Made counts records that were made.
func (d *Delivery) Made(n int) { d.records.Add(uint64(n)) }

// Failed counts records that could not be handed on.
func (d *Delivery) Failed(n int) { d.failed.Add(uint64(n)) }
