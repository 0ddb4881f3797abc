package oracle

import (
	"encoding/json"
	"testing"
)

// CallKey is the key of a record's metadata under which a test that marks its calls
// puts the number of the call.
const CallKey = "call"

// Call is one call that the application made.
type Call struct {
	// Number tells calls apart; records name it in their metadata. It is at least 1.
	Number int
	// Raw says that the call was SQL of the application's own. Its row changes have
	// no records, but the call has one with the action raw.
	Raw bool
	// Twice says that one statement of the call may write a row more than once, so
	// that one record may stand for several changes of that row.
	Twice bool
}

// mark says which change was the last when a call returned.
type mark struct {
	Call
	last int64
}

// Mark notes that a call has returned. db is what the call ran on, so that it sees
// changes that are not committed. The changes since the last mark are then known to
// be that call's. An error means that nothing can be read (the transaction is
// aborted, say): the next mark will do.
func (o *Oracle) Mark(db Queryer, call Call) error {
	rows, err := db.Query("SELECT COALESCE(MAX(n), 0) FROM " + sideTable)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	m := mark{Call: call}
	for rows.Next() {
		if err := rows.Scan(&m.last); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return err
	}
	o.marks = append(o.marks, m)
	return nil
}

// Content is what watched tables hold.
type Content map[string][]map[string]any

// Content reads the watched tables.
func (o *Oracle) Content(t testing.TB) Content {
	t.Helper()
	all := Content{}
	for _, table := range o.tables {
		all[table] = o.rows(t, table)
	}
	return all
}

// Restart forgets the marks, for a test that fills the tables anew and empties
// oracle_changes. first is what the tables then hold.
func (o *Oracle) Restart(first Content) { o.marks, o.first = nil, first }

// Seen counts the row changes that the last [Oracle.Check] knew from triggers, the
// ones without effect left out.
func (o *Oracle) Seen() int { return o.seen }

// callOf finds who made a change: the last call before which it was not there and
// after which it was. A number that a rollback freed may have been used twice.
func (o *Oracle) callOf(t testing.TB, c change) Call {
	t.Helper()
	for i := len(o.marks) - 1; i >= 0; i-- {
		var before int64
		if i > 0 {
			before = o.marks[i-1].last
		}
		if before < c.n && c.n <= o.marks[i].last {
			return o.marks[i].Call
		}
	}
	if len(o.marks) > 0 {
		t.Errorf("no call made this change: %s", c)
	}
	return Call{}
}

// Call is the number of the call that an entry names in its metadata, or 0.
func (e Entry) Call() int {
	number, ok := e.Metadata[CallKey].(json.Number)
	if !ok {
		return 0
	}
	n, err := number.Int64()
	if err != nil {
		return 0
	}
	return int(n)
}
