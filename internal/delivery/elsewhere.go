package delivery

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/internal/entry"
	"github.com/gorm-audit/auditplugin/internal/fault"
	"github.com/gorm-audit/auditplugin/internal/neighbour"
)

// inside are the emitters that write in a transaction of one database.
type inside struct {
	transactional []audit.TxEmitter
	// writers are transactional as such, where entries serve: where nobody but tables of
	// our own, which agree on sizes, wants records.
	writers []entry.Writer
}

// elsewhere is what a delivery to another database has: emitters that are bound to it when
// it is first written to. Until then nobody knows whether it is written to at all.
type elsewhere struct {
	main *Delivery
	bind func(context.Context) ([]audit.Emitter, error)

	bound atomic.Bool
	mu    sync.Mutex
	err   error
	tried time.Time
}

// retryEvery is how often a database that could not be bound is tried again while nothing
// is written to it: a replica, of which transactions only read.
const retryEvery = time.Second

var errNotTried = errors.New("auditplugin: its audit table was not looked for yet")

// Elsewhere is the delivery of changes in another database, on whose pool outside events
// are written. What is not written in the transaction goes where it goes from here. bind
// makes the emitters that are.
func (d *Delivery) Elsewhere(outside audit.Conn, bind func(context.Context) ([]audit.Emitter, error)) *Delivery {
	e := &Delivery{Origin: d.Origin, Outside: outside, OnError: d.OnError, Log: d.Log, Observe: d.Observe, after: d.after, others: d.others, columnLimit: d.columnLimit}
	e.elsewhere = &elsewhere{main: d, bind: bind, err: errNotTried}
	return e
}

// Ready binds what is not bound to the database yet, where that is another than the
// plugin's own. It needs a connection of the pool, and may make a table: it is for the
// moment before a transaction begins.
func (d *Delivery) Ready(ctx context.Context) {
	e := d.elsewhere
	if e == nil || e.bound.Load() || !e.main.Writes() {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.bound.Load() || time.Since(e.tried) < retryEvery {
		return
	}
	var emitters []audit.Emitter
	e.err = fault.Guard(func() (err error) {
		emitters, err = e.bind(ctx)
		return err
	})
	if ctx.Err() == nil {
		e.tried = time.Now()
	}
	if e.err != nil {
		return
	}
	in := &inside{}
	for _, b := range emitters {
		if t, ok := b.(audit.TxEmitter); ok {
			in.transactional = append(in.transactional, t)
		}
		if w, ok := b.(entry.Writer); ok {
			in.writers = append(in.writers, w)
		}
	}
	if e.main.in.Load().writers == nil {
		in.writers = nil
	}
	d.in.Store(in)
	e.bound.Store(true)
}

// Unready is why nothing can be recorded in this database, nil where it can.
func (d *Delivery) Unready() error {
	e := d.elsewhere
	if e == nil || e.bound.Load() || !e.main.Writes() {
		return nil
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.tried = time.Time{} // it is written to
	return fault.Quiet(fault.ErrAuditFailed.Error()+": this source of the resolver is another database than the plugin's own, and its audit table could not be made or used. "+
		"A record must commit with its change, so each database that is written to needs one: make it there by the statements of emitter.Schema, or let the role create tables"+neighbour.Because(e.err), fault.ErrAuditFailed, e.err)
}

// TableAt is the name of the audit table that a reader finds in the delivery's database, ""
// where there is none. Of a database to which nothing was written yet, such as a replica,
// it is the name that the plugin's own database has it by, without a schema where that is
// none of the application's choosing.
func (d *Delivery) TableAt(schemaIsDatabase bool) string {
	from := d
	if d.elsewhere != nil && !d.elsewhere.bound.Load() {
		from = d.elsewhere.main
	}
	for _, e := range from.transactional() {
		t, ok := e.(audit.TableNamer)
		if !ok || t.AuditTable() == "" {
			continue
		}
		name := t.AuditTable()
		if c, ok := e.(interface{ InCurrentSchema() bool }); ok && from != d && schemaIsDatabase && c.InCurrentSchema() {
			name = name[strings.LastIndexByte(name, '.')+1:]
		}
		return name
	}
	return ""
}
