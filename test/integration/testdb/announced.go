package testdb

import (
	"context"
	"slices"
	"sync"

	"github.com/gorm-audit/auditplugin/audit"
)

// Announced collects the batches that the plugin hands out after commit. It is
// safe for concurrent use.
type Announced struct {
	mu      sync.Mutex
	batches [][]audit.Record
}

func (a *Announced) add(_ context.Context, records []audit.Record) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.batches = append(a.batches, slices.Clone(records))
	return nil
}

// Batches returns the batches in the order in which they came.
func (a *Announced) Batches() [][]audit.Record {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.batches)
}

// Records returns the records of all batches in order.
func (a *Announced) Records() []audit.Record {
	return slices.Concat(a.Batches()...)
}

// Reset forgets everything.
func (a *Announced) Reset() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.batches = nil
}
