package relay

import (
	"errors"
	"fmt"

	"github.com/gorm-audit/auditplugin/internal/lease"
)

// The errors of this package, for [errors.Is].
var (
	// ErrInvalidOption is an option, a name or an argument that makes no sense.
	ErrInvalidOption = errors.New("auditplugin: invalid relay option")
	// ErrTableMissing is a table of the relay, or the audit table, that does not
	// exist.
	ErrTableMissing = errors.New("auditplugin: a table of the relay is missing")
	// ErrUnknownDialect is a dialect other than sqlite, postgres and mysql.
	ErrUnknownDialect = errors.New("auditplugin: the relay does not know this dialect")
	// ErrUnsupported is a setting of the database under which records could be
	// skipped or delivered out of order.
	ErrUnsupported = errors.New("auditplugin: the relay cannot work with this database setting")
	// ErrNoSubscriber is a subscriber that was not added with Subscribe, or Run
	// without any.
	ErrNoSubscriber = errors.New("auditplugin: no such relay subscriber")
	// ErrRunning is a second Run, or a Subscribe after Run.
	ErrRunning = errors.New("auditplugin: the relay is already running")
	// ErrUnreadable is a row of the audit table that this version cannot read.
	ErrUnreadable = errors.New("auditplugin: a record in the audit table cannot be read")
	// ErrPanic is a sink that panicked.
	ErrPanic = errors.New("auditplugin: a relay sink panicked")
	// ErrLeaseLost is a lease that another process took over.
	ErrLeaseLost = lease.ErrLost
)

type permanent struct{ err error }

func (p *permanent) Error() string { return p.err.Error() }
func (p *permanent) Unwrap() error { return p.err }

// Permanent marks a sink's error as one that will not go away: the record becomes a
// dead letter at once. Permanent(nil) is nil.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return &permanent{err}
}

// IsPermanent reports whether err, or an error that it wraps, was marked with
// [Permanent].
func IsPermanent(err error) bool {
	var p *permanent
	return errors.As(err, &p)
}

// failed says which step the database's error ended.
func failed(step string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("auditplugin: relay: %s: %w", step, err)
}

// subscriber is a step about the subscriber of that name.
func subscriber(name string) string { return fmt.Sprintf("subscriber %q", name) }

func invalid(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrInvalidOption, fmt.Sprintf(format, args...))
}
