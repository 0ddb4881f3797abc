// Package auditplugin is a [GORM] plugin that keeps an audit trail: every row that
// GORM changes leaves a record of who changed what, from what, to what, when and
// why. The record is written in the transaction that made the change, announced
// only after that transaction committed, and redacted before it goes anywhere.
//
// # One minute
//
// Install a plugin on the database once, when it is opened:
//
//	err := db.Use(auditplugin.New())
//
// That creates the table audit_logs if it is missing, and from then on every create,
// update and delete leaves a row in it. Say who and why in the context:
//
//	ctx = audit.WithActor(ctx, audit.Actor{ID: "42", Type: "user", Name: "Ada"})
//	ctx = audit.WithReason(ctx, "ticket 1234")
//	db.WithContext(ctx).Model(&user).Update("phone", "+19876543210")
//
// Emitters decide where records go besides, or instead of, the table; package
// emitter has them, and package audit has the [audit.Record] they receive:
//
//	db.Use(auditplugin.New(auditplugin.WithEmitter(emitter.Table(), emitter.JSON(os.Stdout))))
//
// Options that are wrong are reported by db.Use, before anything is registered or
// any table is created.
//
// # What is recorded
//
// One record for each row that really changed. Rows whose values stay the same
// have none, and neither have statements that match no row, nor dry runs. Images
// are what the database stores, read in the same transaction, not what the Go
// struct holds: defaults, generated columns, expressions and hooks are in them.
// Creates have the whole row in After, deletes in Before, updates only the columns
// that changed, with the changes inside JSON columns listed by path. Rows that a
// foreign key changes or removes (ON DELETE CASCADE and the like) have records of
// their own, which name the parent's as their cause.
//
// [WithModels], [WithoutModels], [WithoutColumns] and [WithoutTimestampOnly] narrow
// what is recorded; audit.Skip leaves out one write and records that it did.
// [Event] records what is not a change of a row. A model may name itself with a
// method AuditName() string.
//
// # Who must be named
//
// A write whose context names no actor is recorded without one, and a warning is
// logged once for each model and action, unless that is meant ([WithoutActor],
// [audit.WithoutActor]). [WithRequiredActor] and
// [WithRequiredReason], or a model's method AuditRequires() audit.Requirement, make
// such writes fail with [ErrActorRequired] or [ErrReasonRequired] instead. What is
// refused leaves an event record.
//
// # Transactions
//
// The plugin wraps db.ConnPool, so that it sees transactions begin and end. Records
// are buffered and written to the table right before COMMIT, or earlier when the
// buffer reaches [WithBufferLimit] or the transaction reads the table. After COMMIT
// the other emitters get the records of the whole transaction in one call. ROLLBACK
// and ROLLBACK TO SAVEPOINT take the records with them.
//
// Libraries that want the *sql.Tx of GORM's transaction get it from [SQLTx].
//
// # When a record can not be written
//
// By default ([FailWrite]) no write happens without its record: the statement, or
// the commit of its transaction, fails with an error that wraps [ErrAuditFailed].
// Under [KeepWrite] the write stays; what was lost is counted in [Plugin.Stats],
// handed to the function of [WithErrorHandler], and leaves an event record. Emitters
// that are called after commit can not fail a write: their errors and panics go to
// the error handler.
//
// The errors of this package name models, tables and actions, never values, and do
// not quote the driver's text, which does; errors.Is and errors.As still find it.
//
// # Secrets
//
// Struct tags say what may be seen of a field, in every emitter and in the record's
// id, inside embedded structs and inside JSON columns:
//
//	audit:"-"       never recorded
//	audit:"mask"    recorded as changed, shown as ***
//	audit:"mask=4"  shows the last 4 characters, if there are at least 10
//	audit:"hash"    a keyed hash that can be compared; needs WithHashKey
//	audit:"show"    shown, whatever its name says
//
// Fields without a tag whose name says password, secret, token, pin, private key
// and the like are masked; [Secrets] lists what is hidden of models. A secret that is a
// row's key is recorded as its keyed hash; that needs [WithHashKey].
//
// # Raw SQL
//
// Raw SQL that writes to an audited table leaves a record with action "raw": the
// statement without its literals, and the number of rows it changed. Which rows
// those were is not known. [WithRawSQL] refuses such statements, or lets them pass.
//
// # Limits
//
// What the plugin can not see (stored procedures, triggers, other programs) and
// which options weaken which promise is listed in docs/limits.md.
//
// [GORM]: https://gorm.io
package auditplugin

import (
	"github.com/gorm-audit/auditplugin/internal/fault"
	"github.com/gorm-audit/auditplugin/internal/redact"
)

// The errors that callers may want to tell apart. Every error this package
// returns wraps one of them or the database's own error.
var (
	// ErrInvalidOption is returned by Initialize, and so by db.Use, for options
	// that are wrong or contradict each other, and for a GORM whose own callbacks are
	// not all there.
	ErrInvalidOption = fault.ErrInvalidOption
	// ErrActorRequired refuses a write whose context names no actor although the
	// model or the plugin demands one.
	ErrActorRequired = fault.ErrActorRequired
	// ErrReasonRequired refuses a write whose context gives no reason although the
	// model or the plugin demands one, and a Skip without a reason.
	ErrReasonRequired = fault.ErrReasonRequired
	// ErrRawRefused refuses a raw SQL write to an audited table under RawRefuse.
	ErrRawRefused = fault.ErrRawRefused
	// ErrAuditFailed says that a change could not be recorded, so that under
	// FailWrite the write or its transaction was refused.
	ErrAuditFailed = fault.ErrAuditFailed
	// ErrTransactionLost is returned by Commit when the server had already ended
	// the transaction (a MySQL deadlock, for one), so that earlier changes are gone.
	ErrTransactionLost = fault.ErrTransactionLost
	// ErrUnsupportedPool is returned when the connection pool can not be wrapped;
	// WithUnwrappedPool is the way on.
	ErrUnsupportedPool = fault.ErrUnsupportedPool
	// ErrClosed is returned for writes after Close.
	ErrClosed = fault.ErrClosed
	// ErrHashKey is returned when a field is tagged audit:"hash" and no key was
	// given with WithHashKey, or the key is too short.
	ErrHashKey = redact.ErrHashKey
	// ErrUnknownTag is returned for an audit struct tag that means nothing.
	ErrUnknownTag = redact.ErrUnknownTag
)
