package alert

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// ErrUndelivered is a channel with messages that are late or were given up.
var ErrUndelivered = errors.New("auditplugin: alerts are not delivered")

// mostLate is how late a message may be for [Engine.Health].
const mostLate = 5 * time.Minute

// Health returns nil if no message is more than five minutes late and none was given up;
// otherwise an error that wraps [ErrUndelivered] and names channels and numbers, nothing of
// a message. What was given up counts until it is sent again or discarded ([Engine.Replay],
// [Engine.Discard]). It is the same in every process, and a restart mends none of it: it is
// for an alarm, not for a probe that takes processes out of service.
func (e *Engine) Health(ctx context.Context) error {
	all, err := e.Stats(ctx)
	if err != nil {
		return err
	}
	var errs []error
	for _, s := range all {
		if s.Delay > mostLate || s.Dead > 0 {
			errs = append(errs, fmt.Errorf("%w: channel %q: %d late, by up to %v, %d given up", ErrUndelivered, s.Channel, s.Late, s.Delay.Round(time.Second), s.Dead))
		}
	}
	return errors.Join(errs...)
}
