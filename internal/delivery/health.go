package delivery

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/internal/fault"
	"github.com/gorm-audit/auditplugin/internal/observe"
)

// remembered is for how long a record that was lost makes unwell. Forever would take a
// process out of service, at which nothing mends, and a restart would hide it.
const remembered = time.Minute

// Named are the emitters, by their names.
func (d *Delivery) Named() iter.Seq2[string, audit.Emitter] {
	return func(yield func(string, audit.Emitter) bool) {
		for _, e := range d.transactional() {
			if !yield(observe.NameOf(e), e) {
				return
			}
		}
		for _, e := range d.after {
			if !yield(observe.NameOf(e), e) {
				return
			}
		}
	}
}

// Health is what is wrong with the emitters, or was a moment ago.
func (d *Delivery) Health(ctx context.Context) error {
	var errs []error
	for name, e := range d.Named() {
		c, ok := e.(audit.Checker)
		if !ok {
			continue
		}
		if err := fault.Guard(func() error { return c.Health(ctx) }); err != nil {
			errs = append(errs, fmt.Errorf("auditplugin: emitter %s: %w", name, err))
		}
	}
	if at := d.failedAt.Load(); at > 0 && time.Since(time.Unix(0, at)) < remembered {
		errs = append(errs, fmt.Errorf("%w: records were lost, or not announced, within the last minute (%d so far)", fault.ErrAuditFailed, d.failed.Load()))
	}
	return errors.Join(errs...)
}
