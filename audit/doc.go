// Package audit holds the words every other package of auditplugin shares: the
// [Record] and its parts, the [Emitter] that receives records, and the helpers
// that put the answers to "who" and "why" into a [context.Context].
//
// It imports the standard library only, so that application code which merely
// names an actor does not pull in an ORM.
//
// # Saying who and why
//
//	ctx = audit.WithActor(ctx, audit.Actor{ID: "42", Type: "user", Name: "Ada"})
//	ctx = audit.WithReason(ctx, "ticket 1234")
//	db.WithContext(ctx).Model(&user).Update("phone", "+19876543210")
//
// # Receiving records
//
// An [Emitter] is called once per committed transaction with that transaction's
// records in order. A [TxEmitter] is called inside the transaction instead and
// writes through the connection it is given, so that its records commit or roll
// back with the change they describe.
package audit
