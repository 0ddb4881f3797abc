package capture

import (
	"math"
	"slices"
	"strings"

	"gorm.io/gorm/clause"

	"github.com/gorm-audit/auditplugin/internal/replay"
	"github.com/gorm-audit/auditplugin/internal/statement"
	"github.com/gorm-audit/auditplugin/internal/table"
)

// insertedKeys returns the keys of the inserted rows: as the database returned
// them, as they were sent, or as LastInsertId counts them.
func insertedKeys(s *statement.Statement, vals clause.Values, out statement.Outcome) ([][]any, bool) {
	if out.Rows != nil {
		if tuples, ok := returnedKeys(s, vals, out.Rows); ok {
			return tuples, true
		}
	}
	rows := vals.Values
	if len(vals.Columns) == 0 {
		rows = [][]any{nil}
	}
	counted := newCounter(s, vals, out, len(rows))
	tuples := make([][]any, 0, len(rows))
	for _, v := range rows {
		tuple, _, ok := counted.key(v)
		if !ok {
			return nil, false
		}
		tuples = append(tuples, tuple)
	}
	return tuples, counted.certain()
}

// CountedKeys are the first n keys that the database made up in one statement, for tables
// of whose key it counts up one column; fewer where that can not be told.
func CountedKeys(s *statement.Statement, vals clause.Values, out statement.Outcome, n int) [][]any {
	if s.Dialect.LastIDIsLast {
		return nil
	}
	counted := newCounter(s, vals, out, len(vals.Values))
	var tuples [][]any
	for _, v := range vals.Values {
		if len(tuples) == n {
			break
		}
		tuple, made, ok := counted.key(v)
		if !ok {
			break
		}
		if made {
			tuples = append(tuples, tuple)
		}
	}
	return tuples
}

// key is the key of a row that was sent: made tells that the database counted a part of it,
// ok that all of it is known.
func (c *counter) key(v []any) (tuple []any, made, ok bool) {
	t := c.s.Table
	tuple = make([]any, len(t.Key))
	for i, k := range t.Key {
		var value any
		if c.at[i] >= 0 {
			value = SentKey(c.s, k, v[c.at[i]])
		}
		switch given := c.at[i] >= 0 && !statement.IsExpression(value); {
		case AutoIncrement(t, k) && (!given || IsEmptyKey(c.s, k, value)):
			if tuple[i], made = c.next(); !made {
				return nil, false, false
			}
		case given:
			tuple[i] = value
			c.passed(t, k, value)
		default:
			return nil, false, false
		}
	}
	return tuple, made, true
}

// SentKey is what a value that is sent for a column of the key stands for: the default of one
// that is counted up is 0, where that does not make it count.
func SentKey(s *statement.Statement, k int, value any) any {
	if e, ok := value.(clause.Expr); ok && AutoIncrement(s.Table, k) && strings.EqualFold(e.SQL, "DEFAULT") && s.Dialect.ZeroCountsQuery != "" && !s.ZeroCounts() {
		return int64(0)
	}
	return value
}

// IsEmptyKey reports whether a value makes the database count on.
func IsEmptyKey(s *statement.Statement, k int, value any) bool {
	switch n := s.Table.Rules[k].Normalise(value).(type) {
	case nil:
		return true
	case int64:
		return n == 0 && s.ZeroCounts()
	}
	return false
}

// AutoIncrement reports whether the database counts the column at a position up.
func AutoIncrement(t *table.Table, at int) bool {
	c, ok := t.Column(at)
	return ok && c.AutoIncrement
}

// counter tells the keys that the database made up in one statement, from the one that
// LastInsertId tells: the first on MySQL, the last on SQLite.
type counter struct {
	s    *statement.Statement
	out  statement.Outcome
	rows int
	at   []int // where the columns of the key are among those that were sent, or -1

	made, given int
	first, step uint64 // 0 when not known yet
	following   uint64
}

func newCounter(s *statement.Statement, vals clause.Values, out statement.Outcome, rows int) counter {
	at := make([]int, len(s.Table.Key))
	for i, k := range s.Table.Key {
		at[i] = statement.ColumnAt(vals, s.Table.Columns[k].Name)
	}
	return counter{s: s, out: out, rows: rows, at: at}
}

func (c *counter) next() (any, bool) {
	if c.made++; c.made == 1 && !c.begin() {
		return nil, false
	}
	n := c.following
	c.following += c.step
	if n > math.MaxInt64 {
		return n, true
	}
	return int64(n), true
}

// begin finds out where the count begins.
func (c *counter) begin() bool {
	if c.out.Result == nil {
		return false
	}
	id, err := c.out.Result.LastInsertId()
	if err != nil || id == 0 {
		return false
	}
	c.first, c.step = uint64(id), 1
	if c.s.Dialect.LastIDIsLast {
		c.first -= uint64(c.rows) - 1
	}
	if query := c.s.Dialect.IncrementQuery; query != "" && c.rows > 1 {
		n, err := c.s.Ledger.Int(c.s.Ctx, query)
		if err != nil || n < 1 {
			return false
		}
		c.step = uint64(n)
	}
	c.following = c.first
	return true
}

// passed takes notice of a key that was given: the count goes on behind it.
func (c *counter) passed(t *table.Table, k int, value any) {
	if !AutoIncrement(t, k) {
		return
	}
	c.given++
	if c.made == 0 {
		return
	}
	var n uint64
	switch x := t.Rules[k].Normalise(value).(type) {
	case int64:
		n = uint64(max(x, 0))
	case uint64:
		n = x
	}
	if n >= c.following {
		c.following = c.first + ((n-c.first)/c.step+1)*c.step
	}
}

// certain reports whether the count can be trusted: from the last key backwards nothing
// tells what stood between.
func (c *counter) certain() bool {
	return c.made == 0 || c.given == 0 || !c.s.Dialect.LastIDIsLast
}

// returnedKeys are the keys in what the application asked to be returned, with what was sent
// for those of their columns that it did not ask for, where every row was returned, or as
// many as were sent without a key of their own.
func returnedKeys(s *statement.Statement, vals clause.Values, set *replay.Set) ([][]any, bool) {
	t, returned, whole := s.Table, false, true
	at, sent := make([]int, len(t.Key)), make([]int, len(t.Key))
	for i, k := range t.Key {
		at[i] = slices.IndexFunc(set.Columns, func(c replay.Column) bool { return t.Canonical(c.Name) == t.Columns[k].Name })
		sent[i] = statement.ColumnAt(vals, t.Columns[k].Name)
		if at[i] < 0 && sent[i] < 0 {
			return nil, false
		}
		returned, whole = returned || at[i] >= 0, whole && at[i] >= 0
	}
	rows := vals.Values
	if len(rows) != len(set.Rows) && !whole {
		rows = slices.DeleteFunc(slices.Clone(rows), func(v []any) bool {
			return !slices.ContainsFunc(sent, func(n int) bool { return n >= 0 && statement.IsExpression(v[n]) })
		})
	}
	if len(rows) != len(set.Rows) && !whole {
		return nil, false
	}
	tuples := make([][]any, len(set.Rows))
	for r, raw := range set.Rows {
		tuples[r] = make([]any, len(at))
		for i, n := range at {
			if n >= 0 {
				key := replay.Stored(raw[n])
				tuples[r][i] = table.Param(t.Rules[t.Key[i]].Normalise(key), key)
			} else if tuples[r][i] = rows[r][sent[i]]; statement.IsExpression(tuples[r][i]) {
				return nil, false
			}
		}
	}
	return tuples, returned
}
