package auditplugin

import (
	"slices"

	"gorm.io/gorm/clause"

	"github.com/gorm-audit/auditplugin/internal/values"
)

// worthSending is how many rows an INSERT has at least for which it pays to find out
// what need not be returned.
const worthSending = 16

// asSent is an INSERT of many rows on SQLite that returns, beside the keys, only what
// is not certain to be stored as it was sent.
type asSent struct {
	returned *target
	// sent is by column of the table its place in VALUES, returning that in what is
	// returned; -1 where there is none.
	sent, returning []int
	width, rows     int
	ownKey          bool // the key is in VALUES
}

// sentAsStored plans the INSERT; nil where it is not one for this, or nothing is won.
// No trigger writes the table again, so that what is inserted stays.
func (j *job) sentAsStored() *asSent {
	t, c := j.t, j.db.Statement.Clauses
	insert, plain := c["INSERT"].Expression.(clause.Insert)
	vals, _ := c["VALUES"].Expression.(clause.Values)
	p := &asSent{width: len(vals.Columns), rows: len(vals.Values)}
	if j.p.server.Dialect != "sqlite" || len(t.key) == 0 || p.rows < worthSending ||
		!plain || insert.Modifier != "" || insert.Table.Name != "" || t.tbl.Triggered || len(j.args) != p.rows*p.width {
		return nil
	}
	for _, row := range vals.Values {
		if slices.ContainsFunc(row, isExpression) {
			return nil // which may have no argument, or some
		}
	}
	p.sent, p.returning = make([]int, len(t.cols)), make([]int, len(t.cols))
	var kept []int
	ownKey := 0
	for i, column := range t.cols {
		p.sent[i] = slices.IndexFunc(vals.Columns, func(v clause.Column) bool { return v.Name == column.Name })
		exact, isKey := p.sent[i] >= 0 && j.exactlySent(i, p), slices.Contains(t.key, i)
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
	p.ownKey = ownKey == len(t.key)
	if len(kept) == len(t.cols) || !p.ownKey && (ownKey > 0 || len(t.key) != 1 || !j.autoIncrement(t.key[0])) {
		return nil
	}
	p.returned = t.only(kept, j.db.Statement, nil)
	return p
}

// exactlySent reports whether a column keeps all values that were sent for it.
func (j *job) exactlySent(at int, p *asSent) bool {
	column, known := j.t.tbl.Column(j.t.cols[at].Name)
	if !known || column.Generated {
		return false
	}
	rule, notNull := j.t.rules[at], column.NotNull || slices.Contains(j.t.key, at)
	for row := range p.rows {
		v := j.args[row*p.width+p.sent[at]]
		if !values.Settled(v) || !rule.ExactSQLite(column.DBType, notNull, v) {
			return false
		}
	}
	return true
}

// insertAsSent runs the INSERT. Rows are inserted in the order of VALUES: keys that
// follow each other, or are those that were sent, tell which row is which.
func (j *job) insertAsSent(query string, p *asSent) (outcome, error) {
	t := j.t
	set, err := j.queryUser(query, j.args, len(p.returned.cols))
	if err != nil {
		return outcome{}, err // SQLite returns no row before the last is stored
	}
	theirs, added := split(set, len(p.returned.cols))
	if !j.inOrder(p, added) {
		if err := j.readInserted(p, added); err != nil {
			return outcome{}, err
		}
		return j.insertOutcome(theirs, int64(len(added)))
	}
	for row, raw := range added {
		img, sent := make(image, len(t.cols)), j.args[row*p.width:]
		for i := range img {
			if at := p.returning[i]; at >= 0 {
				img[i] = t.rules[i].Normalise(raw[at])
			} else {
				img[i] = t.rules[i].Normalise(sent[p.sent[i]])
			}
		}
		j.changed(t, nil, img)
	}
	return j.insertOutcome(theirs, int64(len(added)))
}

// inOrder reports whether the rows that were returned are those of VALUES, in order.
func (j *job) inOrder(p *asSent, added [][]any) bool {
	if len(added) != p.rows {
		return false // a constraint of the table skips or replaces rows
	}
	t := j.t
	if !p.ownKey {
		at := p.returning[t.key[0]]
		first, ok := added[0][at].(int64)
		for row, raw := range added {
			if id, isInt := raw[at].(int64); !ok || !isInt || id != first+int64(row) {
				return false
			}
		}
		return true
	}
	for row, raw := range added {
		for _, k := range t.key {
			v := j.args[row*p.width+p.sent[k]]
			if values.KeyText(t.rules[k].Normalise(v)) != values.KeyText(t.rules[k].Normalise(raw[p.returning[k]])) {
				return false
			}
		}
	}
	return true
}

// readInserted reads the rows by the keys that were returned.
func (j *job) readInserted(p *asSent, added [][]any) error {
	t := j.t
	tuples := make([][]any, len(added))
	for row, raw := range added {
		tuples[row] = keyParams(p.returned, p.returned.normalise(raw), raw)
	}
	rows, err := j.readBy(t, t.keyNames(), tuples, j.readLock())
	if err != nil {
		return err
	}
	for _, r := range rows {
		j.changed(t, nil, r.image)
	}
	return nil
}
