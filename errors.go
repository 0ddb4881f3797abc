package auditplugin

import (
	"errors"

	"github.com/gorm-audit/auditplugin/internal/redact"
)

// The errors that callers may want to tell apart. Every error this package
// returns wraps one of them or the database's own error.
var (
	// ErrInvalidOption is returned by Initialize, and so by db.Use, for options
	// that are wrong or contradict each other.
	ErrInvalidOption = errors.New("auditplugin: invalid option")
	// ErrActorRequired refuses a write whose context names no actor although the
	// model or the plugin demands one.
	ErrActorRequired = errors.New("auditplugin: an actor is required")
	// ErrReasonRequired refuses a write whose context gives no reason although the
	// model or the plugin demands one, and a Skip without a reason.
	ErrReasonRequired = errors.New("auditplugin: a reason is required")
	// ErrRawRefused refuses a raw SQL write to an audited table under RawRefuse.
	ErrRawRefused = errors.New("auditplugin: raw SQL write refused")
	// ErrAuditFailed says that a change could not be recorded, so that under
	// FailWrite the write or its transaction was refused.
	ErrAuditFailed = errors.New("auditplugin: change could not be recorded")
	// ErrTransactionLost is returned by Commit when the server had already ended
	// the transaction (a MySQL deadlock, for one), so that earlier changes are gone.
	ErrTransactionLost = errors.New("auditplugin: transaction was ended by the server")
	// ErrUnsupportedPool is returned when the connection pool can not be wrapped;
	// WithUnwrappedPool is the way on.
	ErrUnsupportedPool = errors.New("auditplugin: unsupported connection pool")
	// ErrClosed is returned for writes after Close.
	ErrClosed = errors.New("auditplugin: plugin is closed")
	// ErrHashKey is returned when a field is tagged audit:"hash" and no key was
	// given with WithHashKey, or the key is too short.
	ErrHashKey = redact.ErrHashKey
	// ErrUnknownTag is returned for an audit struct tag that means nothing.
	ErrUnknownTag = redact.ErrUnknownTag
)

// quietError carries causes for errors.Is and errors.As without quoting them: the
// text of a driver's error quotes values, which may be secret.
type quietError struct {
	text  string
	kinds []error
}

func (e *quietError) Error() string   { return e.text }
func (e *quietError) Unwrap() []error { return e.kinds }
