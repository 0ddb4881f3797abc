// Package fault has the errors that callers tell apart, and what keeps the words of
// others out of them: a driver's text quotes values, which may be secret.
package fault

import "errors"

// What callers may want to tell apart. The plugin's package documents them under the
// same names.
var (
	ErrInvalidOption   = errors.New("auditplugin: invalid option")
	ErrActorRequired   = errors.New("auditplugin: an actor is required")
	ErrReasonRequired  = errors.New("auditplugin: a reason is required")
	ErrRawRefused      = errors.New("auditplugin: raw SQL write refused")
	ErrAuditFailed     = errors.New("auditplugin: change could not be recorded")
	ErrTransactionLost = errors.New("auditplugin: transaction was ended by the server")
	ErrUnsupportedPool = errors.New("auditplugin: unsupported connection pool")
	ErrClosed          = errors.New("auditplugin: plugin is closed")
)

// quiet carries causes for errors.Is and errors.As without quoting them.
type quiet struct {
	text   string
	causes []error
}

// Quiet returns an error that says text and nothing else. The causes are found by
// errors.Is and errors.As.
func Quiet(text string, causes ...error) error { return &quiet{text, causes} }

func (e *quiet) Error() string   { return e.text }
func (e *quiet) Unwrap() []error { return e.causes }
