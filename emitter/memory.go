package emitter

import (
	"context"
	"fmt"
	"sync"

	"github.com/gorm-audit/auditplugin/audit"
)

// MemoryEmitter keeps records for tests; see [Memory].
type MemoryEmitter struct {
	mu      sync.Mutex
	batches [][]audit.Record
	count   int
	grown   chan struct{} // closed, and made anew, when records arrive
}

// Memory returns an emitter that keeps copies of the records it receives, for
// your tests. As it is called after commit, it holds what survived. It is safe
// for concurrent use and grows without bounds.
func Memory() *MemoryEmitter {
	return &MemoryEmitter{grown: make(chan struct{})}
}

// Emit keeps copies of records.
func (m *MemoryEmitter) Emit(_ context.Context, records []audit.Record) error {
	if len(records) == 0 {
		return nil
	}
	kept := cloneRecords(records)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.batches = append(m.batches, kept)
	m.count += len(kept)
	close(m.grown)
	m.grown = make(chan struct{})
	return nil
}

// Records returns copies of all records, in the order they came.
func (m *MemoryEmitter) Records() []audit.Record {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := make([]audit.Record, 0, m.count)
	for _, b := range m.batches {
		out = append(out, cloneRecords(b)...)
	}
	return out
}

// Transactions returns copies of the records by Emit call: one element per
// transaction, or, outside a transaction, per statement.
func (m *MemoryEmitter) Transactions() [][]audit.Record {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := make([][]audit.Record, len(m.batches))
	for i, b := range m.batches {
		out[i] = cloneRecords(b)
	}
	return out
}

// Reset forgets all records.
func (m *MemoryEmitter) Reset() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.batches, m.count = nil, 0
}

// WaitFor waits until there are at least n records, or returns an error that
// wraps ctx's when it ends first. It is of use behind [Async].
func (m *MemoryEmitter) WaitFor(ctx context.Context, n int) error {
	for {
		m.mu.Lock()
		count, grown := m.count, m.grown
		m.mu.Unlock()
		if count >= n {
			return nil
		}
		select {
		case <-grown:
		case <-ctx.Done():
			return fmt.Errorf("auditplugin: %d of %d records arrived: %w", count, n, ctx.Err())
		}
	}
}
