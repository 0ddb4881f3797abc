package wire

import "sync/atomic"

// Traffic counts what the connections of one pool carry. It is safe for concurrent
// use.
type Traffic struct {
	statements, prepares, roundTrips, sent, received atomic.Int64
}

// Counts is how much was carried.
type Counts struct {
	Statements, Prepares, RoundTrips int64
	// Sent and Received are in bytes; 0 for SQLite.
	Sent, Received int64
}

// Counts returns what was carried so far.
func (t *Traffic) Counts() Counts {
	return Counts{t.statements.Load(), t.prepares.Load(), t.roundTrips.Load(), t.sent.Load(), t.received.Load()}
}

// Minus returns c without what was carried before.
func (c Counts) Minus(before Counts) Counts {
	return Counts{
		c.Statements - before.Statements, c.Prepares - before.Prepares, c.RoundTrips - before.RoundTrips,
		c.Sent - before.Sent, c.Received - before.Received,
	}
}
