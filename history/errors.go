package history

import "errors"

// The errors that callers may want to tell apart. Every error of this package
// wraps one of them, or the database's own.
var (
	// ErrNotFound is a question that nothing answers: First when no record matches,
	// AsOf when the row did not exist.
	ErrNotFound = errors.New("auditplugin: nothing found")
	// ErrInvalidQuery is a question that makes no sense: a nil model, a column
	// without a name, a negative limit.
	ErrInvalidQuery = errors.New("auditplugin: invalid history query")
	// ErrNoKey is a row that can not be named: its key is empty, or its table
	// has none.
	ErrNoKey = errors.New("auditplugin: row has no key")
	// ErrRedacted is a question for a value, or for a row with a key, that the
	// records show masked only, so that nobody can tell which ones match.
	ErrRedacted = errors.New("auditplugin: value is redacted in the records")
	// ErrCursor is a cursor that was altered, cut, or made by a query of another
	// order or table.
	ErrCursor = errors.New("auditplugin: invalid cursor")
)
