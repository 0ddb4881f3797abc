package audit

import "context"

// What follows is what an emitter may be able to do besides taking records. The plugin
// looks for it in each emitter that it was given, after it was bound to the database.

// Group is an [Emitter] that stands for several. The plugin calls those that Unwrap
// returns, each in its own way: transactional ones inside the transaction, the others
// after commit.
type Group interface {
	Unwrap() []Emitter
}

// Closer is an [Emitter] with something to finish. The plugin's Close calls it once, after
// the last record, and waits until it returns; it should return when ctx is done.
type Closer interface {
	Close(ctx context.Context) error
}

// TableNamer is a [TxEmitter] that writes to a table of the plugin's own database.
// AuditTable returns its name, with its schema where that is known ("public.audit_logs"),
// or "". Changes of that table are not audited, and a transaction that reads it finds its
// own records there.
type TableNamer interface {
	AuditTable() string
}

// Survivor is a [TxEmitter] that can be asked later what was committed. Written returns
// the ids of the records of a transaction that are in the table, read on conn. Records of
// transactions whose end the plugin does not see are announced by it.
type Survivor interface {
	Written(ctx context.Context, conn Conn, transactionID string) ([]string, error)
}

// CommitListener is an [Emitter] that only wants to know that a transaction with records
// has committed, and looks at none of them: something that wakes others. The plugin calls
// Committed where it would call Emit, and keeps no records for it. What is said of Emit
// holds for Committed.
type CommitListener interface {
	Emitter
	Committed(ctx context.Context) error
}

// Dropper is an [Emitter] that may let records go. Dropped returns how many so far; it is
// part of the plugin's Stats, and safe for concurrent use.
type Dropper interface {
	Dropped() uint64
}

// Named is an [Emitter] that says how it is called in metrics and health checks; others
// are called by their Go type. The name must always be the same.
type Named interface {
	Name() string
}

// Checker is an [Emitter] that can tell whether it works. The plugin's Health asks it.
// Health returns promptly, at the latest when ctx is done, and is safe for concurrent use;
// its error names no value.
type Checker interface {
	Health(ctx context.Context) error
}
