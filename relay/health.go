package relay

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gorm-audit/auditplugin/internal/fault"
	"github.com/gorm-audit/auditplugin/internal/neighbour"
)

var (
	// ErrBehind is a subscriber whose oldest record waits for longer than [MostBehind] says.
	ErrBehind = errors.New("auditplugin: a relay subscriber is behind")
	// ErrDeadLetters is a subscriber with dead letters.
	ErrDeadLetters = errors.New("auditplugin: a relay subscriber has dead letters")
)

// MostBehind sets how old the oldest record that waits may be before [Relay.Health] fails;
// the default is 5 minutes.
func MostBehind(d time.Duration) Option {
	return func(c *config) error { c.behind = d; return positive("MostBehind", d) }
}

// Health returns nil if every subscriber of this process keeps up (see [MostBehind]) and has
// no dead letters; otherwise an error that wraps [ErrBehind] and [ErrDeadLetters], names
// subscribers and numbers, and quotes no driver and no sink. What it tells of is the same in
// every process, and a restart mends none of it: it is for an alarm, not for a probe that
// takes processes out of service.
func (r *Relay) Health(ctx context.Context) error {
	all, err := r.Stats(ctx)
	if err != nil {
		return fault.Quiet("auditplugin: relay: its tables can not be read"+neighbour.Because(err), err)
	}
	var errs []error
	for _, s := range all {
		if s.Behind > r.config.behind {
			errs = append(errs, fmt.Errorf("%w: %q by %v", ErrBehind, s.Name, s.Behind.Round(time.Second)))
		}
		if s.Dead > 0 {
			errs = append(errs, fmt.Errorf("%w: %q has %d", ErrDeadLetters, s.Name, s.Dead))
		}
	}
	return errors.Join(errs...)
}
