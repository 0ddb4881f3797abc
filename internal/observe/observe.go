// Package observe tells observers what the plugin does. With none there is nothing to
// call: every method is for a nil pointer, too, and then costs a comparison.
package observe

import (
	"context"
	"fmt"
	"time"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/internal/fault"
)

// Observers are all that are to be told. They are safe for concurrent use.
type Observers struct {
	all    []audit.Observer
	system string // the database, as OpenTelemetry names it
	// tableOf is a table's name as it may be a label: "" for one that has no model.
	tableOf func(table string) string
	report  func(context.Context, error) // hears of an observer that panicked
}

// New returns nil where there is nobody.
func New(all []audit.Observer, system string, tableOf func(table string) string, report func(context.Context, error)) *Observers {
	if len(all) == 0 {
		return nil
	}
	return &Observers{all, system, tableOf, report}
}

// Begin is the time now, if anybody wants to know.
func (o *Observers) Begin() (begun time.Time) {
	if o != nil {
		begun = time.Now()
	}
	return begun
}

// Captured tells of a statement that began at begun; c has all but the time and how its
// table is called.
func (o *Observers) Captured(ctx context.Context, c audit.Captured, begun time.Time) {
	if o == nil {
		return
	}
	told := c // with c itself there would be an allocation even for nobody
	told.Took, told.Table = time.Since(begun), o.tableOf(c.Table)
	o.tell(ctx, func(to *audit.Observer) {
		if to.Captured != nil {
			to.Captured(ctx, told)
		}
	})
}

// Committed tells of what is in t, if anything is.
func (o *Observers) Committed(ctx context.Context, transaction string, t *Tally) {
	if o == nil || t == nil || len(t.counts) == 0 {
		return
	}
	c := audit.Committed{TransactionID: transaction, System: o.system, Counts: t.counts, First: t.first}
	o.tell(ctx, func(to *audit.Observer) {
		if to.Committed != nil {
			to.Committed(ctx, c)
		}
	})
}

// Flushed tells of records that were written, or not, since begun.
func (o *Observers) Flushed(ctx context.Context, records int, begun time.Time, err error) {
	if o == nil {
		return
	}
	took := time.Since(begun)
	o.tell(ctx, func(to *audit.Observer) {
		if to.Flushed != nil {
			to.Flushed(ctx, records, took, err)
		}
	})
}

// Announced tells of an emitter that was called at begun.
func (o *Observers) Announced(ctx context.Context, e audit.Emitter, records int, begun time.Time, err error) {
	if o == nil {
		return
	}
	took, name := time.Since(begun), NameOf(e)
	o.tell(ctx, func(to *audit.Observer) {
		if to.Announced != nil {
			to.Announced(ctx, name, records, took, err)
		}
	})
}

// Lost tells of records that were let go.
func (o *Observers) Lost(ctx context.Context, records int, cause error) {
	if o == nil {
		return
	}
	o.tell(ctx, func(to *audit.Observer) {
		if to.Lost != nil {
			to.Lost(ctx, records, cause)
		}
	})
}

// Refused tells of a write that was refused, and returns why.
func (o *Observers) Refused(ctx context.Context, reason error) error {
	if o == nil || reason == nil {
		return reason
	}
	o.tell(ctx, func(to *audit.Observer) {
		if to.Refused != nil {
			to.Refused(ctx, reason)
		}
	})
	return reason
}

func (o *Observers) tell(ctx context.Context, f func(to *audit.Observer)) {
	for i := range o.all {
		if err := fault.Guard(func() error { f(&o.all[i]); return nil }); err != nil {
			o.report(ctx, fmt.Errorf("auditplugin: observer %d panicked", i+1))
		}
	}
}
