package alert

import "time"

// WithClock replaces the database's time.
func WithClock(now func() time.Time) Option {
	return func(s *settings) error {
		s.clock = now
		return nil
	}
}
