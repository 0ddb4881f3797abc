package alert

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/internal/dialect"
	"github.com/gorm-audit/auditplugin/internal/owntable"
)

// Option changes how an engine works. Options that are wrong are errors of [New].
type Option func(*settings) error

// settings are what the options set.
type settings struct {
	outbox, audit dialect.Table
	create        bool
	models        []any
	words         wording
	quiet         []quietHours
	logger        *slog.Logger
	poll          time.Duration
	sendTimeout   time.Duration
	stopTimeout   time.Duration
	attempts      int
	retryFirst    time.Duration
	retryMost     time.Duration
	keep          time.Duration
	clock         func() time.Time
	// fixed are the options given that cannot be changed later.
	fixed []string
}

type quietHours struct {
	hours    Hours
	channels []string
}

// newSettings takes db for the audit table's name; it may be nil.
func newSettings(db *gorm.DB, opts []Option) (settings, error) {
	s := settings{
		outbox: defaultTable(), create: true,
		words: wording{zone: time.UTC, layout: "2 Jan 2006 15:04 MST"},
		poll:  time.Second, sendTimeout: 30 * time.Second, stopTimeout: 10 * time.Second,
		attempts: 15, retryFirst: 5 * time.Second, retryMost: time.Hour, keep: 30 * 24 * time.Hour,
	}
	var errs []error
	for _, o := range opts {
		if o == nil {
			errs = append(errs, fmt.Errorf("%w: an option is nil", ErrInvalidOption))
			continue
		}
		errs = append(errs, o(&s))
	}
	if s.audit == (dialect.Table{}) {
		s.audit = dialect.ParseTable(owntable.TrailOf(db))
	}
	return s, errors.Join(errs...)
}

// quietOn returns the quiet hours of a channel.
func (s settings) quietOn(channel string) []Hours {
	var all []Hours
	for _, q := range s.quiet {
		if len(q.channels) == 0 || slices.Contains(q.channels, channel) {
			all = append(all, q.hours)
		}
	}
	return all
}

func wrong(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrInvalidOption, fmt.Sprintf(format, args...))
}

func parseTable(name string) (dialect.Table, error) {
	if !dialect.ValidTable(name) {
		return dialect.Table{}, wrong("table name %q", name)
	}
	return dialect.ParseTable(name), nil
}

// WithTable names the outbox table; the default is "audit_alerts". The name may be
// qualified by a schema.
func WithTable(name string) Option {
	return func(s *settings) (err error) {
		s.fixed = append(s.fixed, "WithTable")
		s.outbox, err = parseTable(name)
		return err
	}
}

// WithAuditTable names the audit table, which counts and dry runs read; the default
// is the one to which the plugin on the engine's handle writes, else "audit_logs".
func WithAuditTable(name string) Option {
	return func(s *settings) (err error) {
		s.fixed = append(s.fixed, "WithAuditTable")
		s.audit, err = parseTable(name)
		return err
	}
}

// NoCreate never creates the outbox table; see [Schema].
func NoCreate() Option {
	return func(s *settings) error {
		s.fixed = append(s.fixed, "NoCreate")
		s.create = false
		return nil
	}
}

// WithModels gives the models that rules may speak of, so that a misspelt model,
// table or column is an error of [New] and not a rule that never applies.
func WithModels(models ...any) Option {
	return func(s *settings) error {
		s.models = append(s.models, models...)
		return nil
	}
}

// WithLabels sets how fields and models are called in messages, by "model.column",
// "table.column", "column" or "model". The default is made of the name: "mfa_phone"
// is "MFA phone".
func WithLabels(labels map[string]string) Option {
	return func(s *settings) error {
		all := maps.Clone(s.words.labels)
		if all == nil {
			all = map[string]string{}
		}
		maps.Copy(all, labels)
		s.words.labels = all
		return nil
	}
}

// WithTimeZone sets the time zone of times in messages; the default is UTC.
func WithTimeZone(zone *time.Location) Option {
	return func(s *settings) error {
		if zone == nil {
			return wrong("WithTimeZone: the zone is nil")
		}
		s.words.zone = zone
		return nil
	}
}

// WithTimeLayout sets the layout (package time) of times in messages; the default is
// "2 Jan 2006 15:04 MST".
func WithTimeLayout(layout string) Option {
	return func(s *settings) error {
		if layout == "" {
			return wrong("WithTimeLayout: the layout is empty")
		}
		s.words.layout = layout
		return nil
	}
}

// WithQuietHours holds messages back until the hours end, unless they are critical,
// and then sends those of one rule and channel as one message. It is for the named
// channels, or for all if none is named. Calls add up.
func WithQuietHours(hours Hours, channels ...string) Option {
	return func(s *settings) error {
		if err := hours.check(); err != nil {
			return wrong("WithQuietHours: %v", err)
		}
		s.quiet = append(s.quiet, quietHours{hours, channels})
		return nil
	}
}

// WithLogger sets the logger for what goes wrong; the default is slog.Default().
func WithLogger(l *slog.Logger) Option {
	return func(s *settings) error {
		s.fixed = append(s.fixed, "WithLogger")
		s.logger = l
		return nil
	}
}

// WithPoll sets how often [Engine.Run] looks for messages that are due; the default
// is a second. Messages of the same process are sent at once.
func WithPoll(d time.Duration) Option {
	return func(s *settings) error {
		s.fixed = append(s.fixed, "WithPoll")
		if d < time.Millisecond {
			return wrong("WithPoll: %s is too short", d)
		}
		s.poll = d
		return nil
	}
}

// WithSendTimeout sets how long a channel may take for one message; the default is
// 30 seconds. Afterwards the attempt counts as failed.
func WithSendTimeout(d time.Duration) Option {
	return func(s *settings) error {
		s.fixed = append(s.fixed, "WithSendTimeout")
		if d < time.Millisecond {
			return wrong("WithSendTimeout: %s is too short", d)
		}
		s.sendTimeout = d
		return nil
	}
}

// WithStopTimeout sets how long Run waits, after its context ended, for messages
// that are being sent; the default is 10 seconds.
func WithStopTimeout(d time.Duration) Option {
	return func(s *settings) error {
		s.fixed = append(s.fixed, "WithStopTimeout")
		if d < 0 {
			return wrong("WithStopTimeout: %s is negative", d)
		}
		s.stopTimeout = d
		return nil
	}
}

// WithRetry sets how often a message is tried before it is dead, and the pauses
// between: the first, doubled each time, up to most, of which up to half is taken
// off at random. The defaults are 15 attempts, 5 seconds and an hour: between 2½ and
// 5½ hours in all.
func WithRetry(attempts int, first, most time.Duration) Option {
	return func(s *settings) error {
		s.fixed = append(s.fixed, "WithRetry")
		if attempts < 1 || first < time.Millisecond || most < first {
			return wrong("WithRetry: %d attempts, %s to %s", attempts, first, most)
		}
		s.attempts, s.retryFirst, s.retryMost = attempts, first, most
		return nil
	}
}

// WithKeep sets for how long Run keeps messages that were sent or discarded in the
// outbox; the default is 30 days, and 0 keeps them forever. A record that the relay
// delivers again after its row is gone is told again, and a longer [Rule.Dedupe] is
// cut to it.
func WithKeep(d time.Duration) Option {
	return func(s *settings) error {
		s.fixed = append(s.fixed, "WithKeep")
		if d < 0 || d > 0 && d < time.Hour {
			return wrong("WithKeep: %s is less than an hour", d)
		}
		s.keep = d
		return nil
	}
}
