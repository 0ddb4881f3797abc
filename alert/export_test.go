package alert

import (
	"time"

	"github.com/gorm-audit/auditplugin/audit"
)

// WithClock replaces the database's time.
func WithClock(now func() time.Time) Option {
	return func(s *settings) error {
		s.clock = now
		return nil
	}
}

// Holds reports whether a condition holds for a record.
func Holds(c Condition, r audit.Record) bool { return c.part().holds(&r) }
