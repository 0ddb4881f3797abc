package oracle

import "testing"

// Reset empties the side table and the audit table, and remembers what the watched
// tables hold now: the next Check is about what happens from here on.
func (o *Oracle) Reset(t testing.TB) {
	t.Helper()
	o.exec(t, "DELETE FROM "+sideTable)
	o.exec(t, "DELETE FROM "+o.options.auditName)
	for _, table := range o.tables {
		o.first[table] = o.rows(t, table)
	}
}
