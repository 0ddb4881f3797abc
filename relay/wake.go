package relay

import (
	"context"
	"sync"

	"github.com/gorm-audit/auditplugin/audit"
)

// Waker tells a relay that there may be new records.
type Waker interface {
	// Wait calls wake whenever there may be new records, until ctx ends. wake returns
	// at once and may be called at any time; call it once when everything from then on
	// will be noticed. An error is logged, and Wait is called
	// again after a pause.
	Wait(ctx context.Context, wake func()) error
}

// Notifier wakes the relays of its process as soon as a transaction of the same
// process has committed. It is an emitter, to be installed beside the table:
//
//	n := relay.NewNotifier()
//	db.Use(auditplugin.New(auditplugin.WithEmitter(emitter.Table(), n)))
//	r, err := relay.New(db, relay.WithWaker(n))
//
// It costs a write next to nothing, since it is an [audit.CommitListener], and is safe for
// concurrent use.
type Notifier struct {
	mu    sync.Mutex
	wakes map[*func()]struct{}
}

// NewNotifier returns a notifier.
func NewNotifier() *Notifier { return &Notifier{wakes: make(map[*func()]struct{})} }

var _ audit.CommitListener = (*Notifier)(nil)

// Emit wakes the relays. It returns nil.
func (n *Notifier) Emit(ctx context.Context, _ []audit.Record) error { return n.Committed(ctx) }

// Committed wakes the relays. It returns nil.
func (n *Notifier) Committed(context.Context) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	for wake := range n.wakes {
		(*wake)()
	}
	return nil
}

// Wait is for relays.
func (n *Notifier) Wait(ctx context.Context, wake func()) error {
	n.mu.Lock()
	n.wakes[&wake] = struct{}{}
	n.mu.Unlock()
	wake() // for what was committed before
	<-ctx.Done()
	n.mu.Lock()
	delete(n.wakes, &wake)
	n.mu.Unlock()
	return nil
}

// bell wakes the subscribers of one relay.
type bell struct {
	mu sync.Mutex
	ch chan struct{}
}

func newBell() *bell { return &bell{ch: make(chan struct{})} }

func (b *bell) ring() {
	b.mu.Lock()
	defer b.mu.Unlock()
	close(b.ch)
	b.ch = make(chan struct{})
}

// next returns a channel that is closed by the next ring. Take it before looking
// for records, so that no ring in between is missed.
func (b *bell) next() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.ch
}
