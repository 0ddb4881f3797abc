// Package lease lets one of several processes work under a name at a time. A lease
// is a row in the database; it lapses when its holder stops renewing it, and then
// another process may take it. All times are the database's, so that the clocks of
// the processes do not matter, and nothing depends on the session: a connection
// pooler that changes sessions between statements does no harm.
//
// A holder that was stopped for longer than its lease lasts may come back while
// another one works. Each lease therefore has a token, larger than all before it
// under that name: write it with a condition that no larger one was written, and
// what the late one writes has no effect.
package lease
