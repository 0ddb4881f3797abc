package sqlite

import (
	"slices"

	"gorm.io/gorm/clause"

	"github.com/gorm-audit/auditplugin/internal/capture"
	"github.com/gorm-audit/auditplugin/internal/statement"
	"github.com/gorm-audit/auditplugin/internal/table"
	"github.com/gorm-audit/auditplugin/internal/values"
)

// worthSending is how many rows an INSERT has at least for which it pays to find out
// what need not be returned.
const worthSending = 16

// asSent is an INSERT of many rows on SQLite that returns, beside the keys, only what
// is not certain to be stored as it was sent.
type asSent struct {
	returned *table.Table
	// sent is by column of the table its place in VALUES, returning that in what is
	// returned; -1 where there is none.
	sent, returning []int
	width, rows     int
	ownKey          bool // the key is in VALUES
}

// sentAsStored plans the INSERT; nil where it is not one for this, or nothing is won.
// No trigger writes the table again, so that what is inserted stays.
func sentAsStored(s *statement.Statement) *asSent {
	t := s.Table
	insert, plain := s.DB.Statement.Clauses["INSERT"].Expression.(clause.Insert)
	vals := s.Values()
	p := &asSent{width: len(vals.Columns), rows: len(vals.Values)}
	if len(t.Key) == 0 || p.rows < worthSending ||
		!plain || insert.Modifier != "" || insert.Table.Name != "" || t.Catalog.Triggered || len(s.Args) != p.rows*p.width {
		return nil
	}
	for _, row := range vals.Values {
		if slices.ContainsFunc(row, statement.IsExpression) {
			return nil // which may have no argument, or some
		}
	}
	p.sent, p.returning = make([]int, len(t.Columns)), make([]int, len(t.Columns))
	var kept []int
	ownKey := 0
	for i, column := range t.Columns {
		p.sent[i] = slices.IndexFunc(vals.Columns, func(v clause.Column) bool { return v.Name == column.Name })
		exact, isKey := p.sent[i] >= 0 && exactlySent(s, i, p), slices.Contains(t.Key, i)
		switch {
		case exact && isKey:
			ownKey++
		case exact:
			p.returning[i] = -1
			continue
		case isKey && p.sent[i] >= 0:
			return nil // it is stored as another, or NULL, which finds nothing
		}
		p.returning[i] = len(kept)
		kept = append(kept, i)
	}
	p.ownKey = ownKey == len(t.Key)
	if len(kept) == len(t.Columns) || !p.ownKey && (ownKey > 0 || len(t.Key) != 1 || !capture.AutoIncrement(t, t.Key[0])) {
		return nil
	}
	p.returned = t.Only(kept, nil)
	return p
}

// exactlySent reports whether a column keeps all values that were sent for it.
func exactlySent(s *statement.Statement, at int, p *asSent) bool {
	column, known := s.Table.Column(at)
	if !known || column.Generated {
		return false
	}
	rule, notNull := s.Table.Rules[at], column.NotNull || slices.Contains(s.Table.Key, at)
	for row := range p.rows {
		v := s.Args[row*p.width+p.sent[at]]
		if !values.Settled(v) || !rule.ExactSQLite(column.DBType, notNull, v) {
			return false
		}
	}
	return true
}

// insertAsSent runs the INSERT. Rows are inserted in the order of VALUES: keys that
// follow each other, or are those that were sent, tell which row is which.
func insertAsSent(s *statement.Statement, query string, p *asSent) (statement.Outcome, error) {
	t := s.Table
	theirs, added, err := s.Added(query, s.Args, len(p.returned.Columns))
	if err != nil {
		return statement.Outcome{}, err // SQLite returns no row before the last is stored
	}
	if !inOrder(s, p, added) {
		if err := readInserted(s, p, added); err != nil {
			return statement.Outcome{}, err
		}
		return s.Answer(theirs, int64(len(added)))
	}
	for row, raw := range added {
		img, sent := make(table.Image, len(t.Columns)), s.Args[row*p.width:]
		for i := range img {
			if at := p.returning[i]; at >= 0 {
				img[i] = t.Rules[i].Normalise(raw[at])
			} else {
				img[i] = t.Rules[i].Normalise(sent[p.sent[i]])
			}
		}
		s.Changed(t, nil, img)
	}
	return s.Answer(theirs, int64(len(added)))
}

// inOrder reports whether the rows that were returned are those of VALUES, in order.
func inOrder(s *statement.Statement, p *asSent, added [][]any) bool {
	if len(added) != p.rows {
		return false // a constraint of the table skips or replaces rows
	}
	t := s.Table
	if !p.ownKey {
		at := p.returning[t.Key[0]]
		first, ok := added[0][at].(int64)
		for row, raw := range added {
			if id, isInt := raw[at].(int64); !ok || !isInt || id != first+int64(row) {
				return false
			}
		}
		return true
	}
	for row, raw := range added {
		for _, k := range t.Key {
			v := s.Args[row*p.width+p.sent[k]]
			if values.KeyText(t.Rules[k].Normalise(v)) != values.KeyText(t.Rules[k].Normalise(raw[p.returning[k]])) {
				return false
			}
		}
	}
	return true
}

// readInserted reads the rows by the keys that were returned.
func readInserted(s *statement.Statement, p *asSent, added [][]any) error {
	t := s.Table
	tuples := make([][]any, len(added))
	for row, raw := range added {
		tuples[row] = p.returned.KeyParams(p.returned.Normalise(raw), raw)
	}
	rows, err := s.ReadByKey(t, tuples)
	if err != nil {
		return err
	}
	for _, r := range rows {
		s.Changed(t, nil, r.Image)
	}
	return nil
}
