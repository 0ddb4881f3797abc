package webhook

import (
	"sync"

	"github.com/gorm-audit/auditplugin/audit"
)

// progress knows which records of the last call were accepted before it failed. Any
// other call than its repetition forgets them: what is asked for again on purpose, as
// after Rewind, is sent again.
type progress struct {
	mu       sync.Mutex
	accepted []string // their ids, in order
}

// begin returns how many of the first records need not be sent again.
func (p *progress) begin(records []audit.Record) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	accepted := p.accepted
	p.accepted = nil
	if len(accepted) > len(records) {
		return 0
	}
	for i, id := range accepted {
		if records[i].ID != id {
			return 0
		}
	}
	return len(accepted)
}

// failed remembers the records that a call had sent when it failed.
func (p *progress) failed(accepted []audit.Record) {
	ids := make([]string, len(accepted))
	for i := range accepted {
		ids[i] = accepted[i].ID
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.accepted = ids
}
