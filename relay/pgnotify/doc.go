// Package pgnotify wakes relays through PostgreSQL's LISTEN and NOTIFY, so that a
// record that one process commits reaches the relay of another within milliseconds.
//
//	db.Use(auditplugin.New(auditplugin.WithEmitter(emitter.Table(), pgnotify.Notify())))
//	r, err := relay.New(db, relay.WithWaker(pgnotify.Listen(dsn)))
//
// [Notify] is told of each transaction after it committed and sends one NOTIFY for
// all that came within a few milliseconds, on a connection of its own. A trigger that
// notifies inside the writing transaction ([Trigger]) also hears of writers that do
// not use the plugin, but PostgreSQL lets only one transaction that notified commit at
// a time; docs/relay.md has what that costs.
//
// Notifications are hints. What they miss, the relay finds by polling.
package pgnotify
