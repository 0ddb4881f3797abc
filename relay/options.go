package relay

import (
	"log/slog"
	"time"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/internal/dialect"
	"github.com/gorm-audit/auditplugin/internal/owntable"
)

// Option configures a [Relay]. Wrong values are reported by [New].
type Option func(*config) error

type config struct {
	table     dialect.Table
	prefix    string
	noCreate  bool
	poll      time.Duration
	lease     time.Duration
	stop      time.Duration
	gapAge    time.Duration
	logger    *slog.Logger
	wakers    []Waker
	holder    string
	settleMin time.Duration
	behind    time.Duration
}

// newConfig takes db for the audit table's name; it may be nil.
func newConfig(db *gorm.DB, opts []Option) (config, error) {
	c := config{
		prefix:    defaultPrefix,
		poll:      500 * time.Millisecond,
		lease:     15 * time.Second,
		stop:      10 * time.Second,
		gapAge:    24 * time.Hour,
		settleMin: 10 * time.Second,
		behind:    5 * time.Minute,
		logger:    slog.Default(),
	}
	for _, opt := range opts {
		if err := opt(&c); err != nil {
			return c, err
		}
	}
	if c.table == (dialect.Table{}) {
		c.table = dialect.ParseTable(owntable.TrailOf(db))
	}
	return c, nil
}

// AuditTable names the audit table; the default is the one to which the plugin on the
// relay's handle writes, else "audit_logs". A name with a dot is a schema (in MySQL: a
// database) and a table. The relay's own tables are in the same schema.
func AuditTable(name string) Option {
	return func(c *config) error {
		c.table = dialect.ParseTable(name)
		if !dialect.ValidTable(name) {
			return invalid("table name %q", name)
		}
		return nil
	}
}

// TablePrefix is what the names of the relay's own tables begin with; the default is
// "audit_relay_". Relays of several audit tables in one schema need one each.
func TablePrefix(prefix string) Option {
	return func(c *config) error {
		c.prefix = prefix
		if prefix == "" || len(prefix) > 40 {
			return invalid("table prefix %q", prefix)
		}
		return nil
	}
}

// NoCreate says never to create tables; see [Schema]. A missing one is
// [ErrTableMissing].
func NoCreate() Option {
	return func(c *config) error { c.noCreate = true; return nil }
}

// PollEvery sets how often the audit table is asked for new records when nothing
// else wakes the relay (see [WithWaker]); the default is 500 ms. While there are
// records, there is no pause.
func PollEvery(d time.Duration) Option {
	return func(c *config) error { c.poll = d; return positive("PollEvery", d) }
}

// LeaseFor sets how long a process may be silent before another one takes its
// subscribers over; the default is 15 s, the least 1 s. It is renewed three times as
// often.
func LeaseFor(d time.Duration) Option {
	return func(c *config) error {
		c.lease = d
		if d < time.Second {
			return invalid("LeaseFor(%v)", d)
		}
		return nil
	}
}

// StopWithin sets how long Run waits, once its context has ended, for the sinks'
// calls that are under way; the default is 10 s. Their contexts then end.
func StopWithin(d time.Duration) Option {
	return func(c *config) error { c.stop = d; return positive("StopWithin", d) }
}

// ForgetGapsAfter sets how long a missing sequence number is looked for, in MySQL
// and MariaDB without the PROCESS right, where nothing tells which transactions are
// still under way; the default is 24 h. A transaction that commits its records
// later than that is skipped. It has no effect elsewhere.
func ForgetGapsAfter(d time.Duration) Option {
	return func(c *config) error { c.gapAge = d; return positive("ForgetGapsAfter", d) }
}

// SettleAfter sets how old a missing sequence number must be, in MySQL and MariaDB,
// before it may be given up because no transaction is under way that could have it;
// the default is 10 s. InnoDB lists a transaction only some microseconds after it
// may have taken a number. It has no effect elsewhere.
func SettleAfter(d time.Duration) Option {
	return func(c *config) error { c.settleMin = d; return positive("SettleAfter", d) }
}

// WithLogger sets the logger for what the relay has to say: failures, leases, dead
// letters. The default is slog.Default(). Records are not logged, errors of sinks
// are.
func WithLogger(l *slog.Logger) Option {
	return func(c *config) error {
		c.logger = l
		if l == nil {
			return invalid("WithLogger(nil)")
		}
		return nil
	}
}

// WithWaker adds something that tells the relay of new records sooner than polling
// does. It is a hint: what it misses is found by polling.
func WithWaker(w Waker) Option {
	return func(c *config) error {
		if w == nil {
			return invalid("WithWaker(nil)")
		}
		c.wakers = append(c.wakers, w)
		return nil
	}
}

func positive(name string, d time.Duration) error {
	if d <= 0 {
		return invalid("%s(%v)", name, d)
	}
	return nil
}

// SubscribeOption configures a subscriber. Wrong values are reported by Subscribe.
type SubscribeOption func(*subscription) error

type start struct {
	now bool
	seq int64
}

type subscription struct {
	start    start
	batch    int
	timeout  time.Duration
	attempts int
	base     time.Duration
	most     time.Duration
	filter   func(*audit.Record) bool
	whole    bool
}

func newSubscription(opts []SubscribeOption) (subscription, error) {
	s := subscription{batch: 256, timeout: 30 * time.Second, attempts: 20, base: 100 * time.Millisecond, most: time.Minute}
	for _, opt := range opts {
		if err := opt(&s); err != nil {
			return s, err
		}
	}
	return s, nil
}

// FromNow makes a new subscriber start with what commits after Subscribe, also when
// it was written before. Without it, a new subscriber gets everything that is in the
// table. A subscriber that has a position already goes on from there.
//
// Transactions under way are found among the last million sequence numbers.
func FromNow() SubscribeOption {
	return func(s *subscription) error { s.start = start{now: true}; return nil }
}

// FromSeq makes a new subscriber start with the given sequence number.
func FromSeq(seq int64) SubscribeOption {
	return func(s *subscription) error {
		s.start = start{seq: seq}
		if seq < 1 {
			return invalid("FromSeq(%d)", seq)
		}
		return nil
	}
}

// Batch sets how many records are read at a time; the default is 256. A transaction
// with more records than that is delivered in pieces.
func Batch(records int) SubscribeOption {
	return func(s *subscription) error {
		s.batch = records
		if records < 1 || records > 10_000 {
			return invalid("Batch(%d)", records)
		}
		return nil
	}
}

// Combined hands the sink all records of a read at once, in order, instead of one
// transaction at a time: fewer calls, for sinks that store many records as easily
// as one. What fails is tried again record by record in the end.
func Combined() SubscribeOption {
	return func(s *subscription) error { s.whole = true; return nil }
}

// Timeout sets how long one call of the sink may take before its context ends; the
// default is 30 s. A sink that does not heed its context is waited for.
func Timeout(d time.Duration) SubscribeOption {
	return func(s *subscription) error { s.timeout = d; return positive("Timeout", d) }
}

// Retry sets how often a record is tried before it becomes a dead letter, and the
// pauses in between: a random time up to base, doubled after each attempt, and at
// most most. The default is Retry(20, 100*time.Millisecond, time.Minute), about five
// minutes. With 0 attempts a record is tried until it is accepted.
//
// A transaction of several records that was tried so often is taken apart, and each
// of its records is tried alone, as often again.
func Retry(attempts int, base, most time.Duration) SubscribeOption {
	return func(s *subscription) error {
		s.attempts, s.base, s.most = attempts, base, most
		if attempts < 0 || base <= 0 || most < base {
			return invalid("Retry(%d, %v, %v)", attempts, base, most)
		}
		return nil
	}
}

// Filter leaves out the records for which keep returns false. keep must not change
// the record.
func Filter(keep func(*audit.Record) bool) SubscribeOption {
	return func(s *subscription) error {
		s.filter = keep
		if keep == nil {
			return invalid("Filter(nil)")
		}
		return nil
	}
}
