package emitter

import (
	"errors"
	"fmt"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/internal/fault"
)

// Errors that this package returns, for [errors.Is].
var (
	// ErrInvalidOption is an option with a value that makes no sense.
	ErrInvalidOption = errors.New("auditplugin: invalid emitter option")
	// ErrNilEmitter is a nil emitter given to Multi or Async.
	ErrNilEmitter = errors.New("auditplugin: emitter is nil")
	// ErrNilLogger is a nil logger given to Slog, or a nil writer given to JSON.
	ErrNilLogger = errors.New("auditplugin: logger is nil")
	// ErrNilFunc is a nil Func.
	ErrNilFunc = errors.New("auditplugin: emitter function is nil")
	// ErrNotBound is a table emitter used without a plugin that bound it.
	ErrNotBound = errors.New("auditplugin: table emitter is not bound to a database")
	// ErrTransactional is a transactional emitter given to Async, which would
	// take its records out of the transaction.
	ErrTransactional = errors.New("auditplugin: a transactional emitter cannot be asynchronous")
	// ErrClosed is an Emit after Close.
	ErrClosed = errors.New("auditplugin: emitter is closed")
	// ErrQueueFull is an Emit whose records Async dropped for want of room.
	ErrQueueFull = errors.New("auditplugin: emitter queue is full")
	// ErrPanic is an emitter that panicked.
	ErrPanic = fault.ErrPanic
	// ErrTableMissing is an audit table that does not exist and is not to be, or
	// cannot be, created.
	ErrTableMissing = errors.New("auditplugin: audit table is missing")
	// ErrTableMismatch is an existing audit table with other columns.
	ErrTableMismatch = errors.New("auditplugin: audit table has other columns")
	// ErrInTransaction is a table bound to a handle that is inside a transaction.
	ErrInTransaction = errors.New("auditplugin: audit table cannot be set up inside a transaction")
	// ErrUnknownDialect is a dialect that Schema has no DDL for.
	ErrUnknownDialect = errors.New("auditplugin: no audit table schema for this dialect")
)

// Binder is an emitter that must be tied to a database before it is used, or
// that has options to check. The plugin calls Bind once per database, when it is
// installed and never inside a transaction, and uses the returned emitter for
// that database. An error is reported by db.Use.
//
// What a bound emitter may be able to do besides, such as [audit.Closer] and
// [audit.TableNamer], is in package audit.
type Binder interface {
	Bind(db *gorm.DB) (audit.Emitter, error)
}

func bind(e audit.Emitter, db *gorm.DB) (audit.Emitter, error) {
	if e == nil {
		return nil, ErrNilEmitter
	}
	b, ok := e.(Binder)
	if !ok {
		return e, nil
	}
	bound, err := b.Bind(db)
	if err != nil {
		return nil, err
	}
	if bound == nil {
		return nil, fmt.Errorf("%w: %T.Bind returned none", ErrNilEmitter, e)
	}
	return bound, nil
}
