package audit

import (
	"context"
	"database/sql"
)

// Emitter receives records. Emit is called after commit, once per transaction,
// with that transaction's records in order; outside a transaction, once per
// statement.
//
// A transaction with more records than the plugin's buffer limit (2,000 unless
// auditplugin.WithBufferLimit says otherwise) comes in several calls, in order. Where
// the audit table is in the same database and may be read, its records are not kept in
// memory: they are read back after the commit. They then have a Seq, and the values in
// their maps are what emitter.ReadRecord makes of JSON: numbers are json.Number, times
// and bytes are texts.
//
// Implementations must be safe for concurrent use, must not change or keep the
// records' maps, and should return promptly: wrap slow ones in emitter.Async. An
// error is reported to the plugin's error handler; it can not undo the commit.
// The context carries the caller's values but is never cancelled with it.
type Emitter interface {
	Emit(ctx context.Context, records []Record) error
}

// Conn is the part of a database connection that a [TxEmitter] needs.
// [*sql.Tx], [*sql.Conn] and [*sql.DB] implement it.
type Conn interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// TxEmitter is an [Emitter] that writes inside the business transaction. The
// plugin calls EmitTx before COMMIT (and earlier when the transaction grows
// large, or reads the audit table), never Emit, for changes made in the database
// the emitter writes to. An error fails the commit, unless the plugin's failure
// policy says otherwise.
type TxEmitter interface {
	Emitter
	EmitTx(ctx context.Context, conn Conn, records []Record) error
}
