// Package relay delivers the records of the audit table, after they were
// committed, to where they are wanted: at least once, in order per record, also
// across crashes. The table is the queue: a relay only reads it, and remembers in
// tables of its own how far each subscriber has come. It takes no part in the
// transactions that write records and cannot slow them down.
//
//	r, err := relay.New(db)
//	err = r.Subscribe("warehouse", sink)
//	err = r.Run(ctx) // until ctx ends
//
// A sink is any [audit.Emitter]: emitter.Func, emitter.Slog, the webhook package
// beside this one, message brokers through the module relay/watermill. It is called
// with the records of one transaction at a time, by one goroutine, of one process.
//
// # What is promised
//
//   - Every committed record is delivered, also when its transaction committed
//     after one with larger sequence numbers. See docs/adr/0011-relay-positions.md.
//   - At least once: after a crash, or an error of the sink, records may come
//     again. Their ids are the same each time.
//   - In order per record: the changes of one row come in the order in which they
//     were made. Changes of different rows may come in another order than they were
//     committed in.
//   - Subscribers do not wait for each other.
//
// A sink that fails is called again with the same records, after a pause that grows
// (see [Retry]). The subscriber waits meanwhile, so that the order is kept. What
// fails too often, or with an error marked by [Permanent], is put on the list of
// dead letters, one record at a time, and the subscriber goes on: a dead record is
// the one exception to the order. See [Subscriber.DeadLetters].
//
// # Several processes
//
// All processes of an application may run the same relay. A lease in the database
// sees to it that one of them serves a subscriber; when it dies another one goes on
// where it was, after the time set with [LeaseFor].
//
// # Limits
//
// SQLite, PostgreSQL, MySQL and MariaDB, and the database to which records are
// written, not a replica of it. What else to know is in docs/relay.md.
package relay
