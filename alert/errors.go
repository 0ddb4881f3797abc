package alert

import (
	"context"
	"errors"
	"fmt"
	"regexp"

	"github.com/gorm-audit/auditplugin/internal/neighbour"
)

// Errors that this package returns, for errors.Is.
var (
	// ErrInvalidRule is a rule that cannot be used: without a name, with the name of
	// another, without a channel, with a template that does not work.
	ErrInvalidRule = errors.New("auditplugin: invalid alert rule")
	// ErrInvalidOption is an option with a value that makes no sense.
	ErrInvalidOption = errors.New("auditplugin: invalid alert option")
	// ErrUnknownChannel is a rule that sends to a channel which nobody gave.
	ErrUnknownChannel = errors.New("auditplugin: unknown alert channel")
	// ErrUnknownColumn is a rule about a column that its model does not have.
	ErrUnknownColumn = errors.New("auditplugin: unknown column in alert rule")
	// ErrUnknownModel is a rule about a model or table that is not among those given
	// with WithModels.
	ErrUnknownModel = errors.New("auditplugin: unknown model in alert rule")
	// ErrUnknownDialect is a database for which there is no outbox table.
	ErrUnknownDialect = errors.New("auditplugin: no alert table schema for this dialect")
	// ErrTableMissing is an outbox table that does not exist and is not to be, or
	// cannot be, created.
	ErrTableMissing = errors.New("auditplugin: alert table is missing")
	// ErrTableRights is an outbox table that exists but may not be read. The role needs
	// SELECT, INSERT, UPDATE and DELETE on it, and SELECT on the audit table.
	ErrTableRights = errors.New("auditplugin: no right to read the alert table")
	// ErrTableMismatch is an existing outbox table with other columns.
	ErrTableMismatch = errors.New("auditplugin: alert table has other columns")
	// ErrInTransaction is an engine made with a handle that is inside a transaction.
	ErrInTransaction = errors.New("auditplugin: alerts cannot be set up inside a transaction")
	// ErrRunning is a second Run of the same engine.
	ErrRunning = errors.New("auditplugin: alert engine is running already")
	// ErrChannelPanic is a channel that panicked.
	ErrChannelPanic = errors.New("auditplugin: alert channel panicked")
	// ErrSendTimeout is a channel that did not return in time. Whether the message
	// arrived is not known; it is sent again.
	ErrSendTimeout = errors.New("auditplugin: alert channel did not answer in time")
)

// address finds what looks like a URL. Many services put their secret into it, and
// net/http quotes it in its errors.
var address = regexp.MustCompile(`(?i)\b([a-z][a-z0-9+.-]{1,20}:)//[^\s"'<>]*`)

// errorText is err for a log line or the table: one line, not long, and without
// what URLs hold.
func errorText(err error) string {
	return clip(oneLine(address.ReplaceAllString(err.Error(), "$1//…")), 500)
}

// failure names a step that failed. The database's own text is kept out, since it
// may quote values, and values are in messages; errors.As finds it.
type failure struct {
	step string
	err  error
}

func (f *failure) Error() string {
	text := "auditplugin: alerts: " + f.step + " failed"
	if errors.Is(f.err, context.DeadlineExceeded) || errors.Is(f.err, context.Canceled) {
		return text + ": its time was over"
	}
	return text + neighbour.Because(f.err)
}

// Unwrap returns the database's error.
func (f *failure) Unwrap() error { return f.err }

// failed says which step failed, unless err says so already.
func failed(step string, err error) error {
	var f *failure
	if err == nil || errors.As(err, &f) {
		return err
	}
	return &failure{step: step, err: err}
}

func invalid(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrInvalidRule, fmt.Sprintf(format, args...))
}
