package capture

import (
	"slices"
	"strings"

	"github.com/gorm-audit/auditplugin/internal/statement"
	"github.com/gorm-audit/auditplugin/internal/table"
	"github.com/gorm-audit/auditplugin/internal/values"
)

// Alone reports whether the UPDATE of the named columns changes rows of its own table
// only. It then leaves in s.Table what such an UPDATE can change.
func Alone(s *statement.Statement, names []string) bool {
	if cascades(s, s.Table, cascade{columns: names}) || s.Joins() {
		return false
	}
	s.Table = s.Table.Narrowed(names)
	return true
}

// updateAndFollow is the UPDATE that may change keys, and rows of other tables by them.
func updateAndFollow(s *statement.Statement, names []string) (statement.Outcome, error) {
	before, next, err := readBefore(s, names)
	if err != nil {
		return statement.Outcome{}, err
	}
	below, err := findChildren(s, s.Table, before, cascade{columns: names})
	if err != nil {
		return statement.Outcome{}, err
	}
	out, err := s.PlainOf(s.Table, len(before), keysOf(s.Table, before))
	if err != nil {
		return out, err
	}
	if err := checkGap(s, out, len(before)); err != nil {
		return out, err
	}
	if none, err := refusePassedOver(s, out, before, next); none || err != nil {
		return out, err
	}
	after, err := readAfter(s, next)
	if err != nil {
		return out, err
	}
	parents, err := pair(s, before, next, after)
	if err != nil {
		return out, err
	}
	return out, finishChildren(s, below, parents)
}

// keysOf are the parameters of rows' keys.
func keysOf(t *table.Table, rows []table.Row) func(row int) []any {
	return func(row int) []any { return t.KeyParams(rows[row].Image, rows[row].Raw) }
}

// successor tells where a row will be found after the update, or what it will be.
type successor struct {
	key   []any // parameters of its key
	id    string
	image table.Image // computed, for tables without a key
	moves bool        // it is another key than the row has
}

// successors are those of the rows that an UPDATE changes. kept are the positions in the
// key that are not assigned a value of the application's: such a value may be stored
// rounded or padded, and is the same for all rows.
type successors struct {
	rows []successor
	kept []int
}

// identity is what a row is known by among the successors.
func (n successors) identity(t *table.Table, img table.Image) string {
	if len(n.kept) == len(t.Key) {
		return t.Identity(img)
	}
	return img.Identity(n.kept)
}

// readBefore reads the rows the UPDATE will change and where they go.
func readBefore(s *statement.Statement, names []string) ([]table.Row, successors, error) {
	t := s.Table
	columns := slices.Clone(t.Qualified)
	sel := statement.Selection{Lock: s.RowLock(t, t.KeysChange(names))}
	rowid := t.RowID != ""
	if rowid {
		columns = append(columns, s.Dialect.Quote(t.Name.Alias)+"."+t.RowID)
	}
	// Values that are expressions, or would be rounded, are evaluated by the database on
	// the row as it is now, which is what the UPDATE will do.
	needed := t.Key
	if len(t.Key) == 0 && !rowid {
		needed = t.All()
	}
	exprAt := map[int]int{}
	literal := map[int]any{}
	rowidAt := len(columns) - 1
	for _, a := range s.Assignments() {
		if t.IsRowID(statement.ColumnName(a)) {
			rowidAt = len(columns) + len(sel.Exprs)
			sel.Exprs = append(sel.Exprs, statement.Assigned{Value: a.Value, Before: "CAST(", After: " AS INTEGER)"})
			continue
		}
		i, ok := t.Index[statement.ColumnName(a)]
		if !ok || !slices.Contains(needed, i) {
			continue
		}
		column, _ := t.Column(i)
		if before, after := s.Dialect.Stored(column); statement.IsExpression(a.Value) || len(t.Key) == 0 && before != "" {
			exprAt[i] = len(sel.Exprs)
			sel.Exprs = append(sel.Exprs, statement.Assigned{Value: a.Value, Before: before, After: after})
		} else {
			literal[i] = a.Value
		}
	}
	if err := refuseMoving(s, sel.Exprs); err != nil {
		return nil, successors{}, err
	}
	sel.Columns = strings.Join(columns, ",")
	raw, err := s.ReadRows(sel)
	if err != nil {
		return nil, successors{}, err
	}
	before := t.Unique(t.Rows(raw))
	next := successors{rows: make([]successor, len(before))}
	for _, k := range t.Key {
		if _, sent := literal[k]; !sent {
			next.kept = append(next.kept, k)
		}
	}
	for n, b := range before {
		img := slices.Clone(b.Image)
		rawNext := slices.Clone(b.Raw)
		for i, at := range exprAt {
			rawNext[i] = b.Raw[len(columns)+at]
			img[i] = t.Rules[i].Normalise(rawNext[i])
		}
		for i, v := range literal {
			rawNext[i] = v
			img[i] = t.Rules[i].Normalise(v)
		}
		switch {
		case rowid:
			at := b.Raw[rowidAt]
			id := values.KeyText(at)
			next.rows[n] = successor{key: []any{at}, id: id, moves: id != values.KeyText(b.Raw[len(t.Columns)])}
		case len(t.Key) == 0:
			next.rows[n] = successor{image: img}
		default:
			key := t.KeyParams(img, rawNext)
			for i, k := range t.Key {
				if v, sent := literal[k]; sent {
					key[i] = v // as it is sent the other time, too
				}
			}
			next.rows[n] = successor{key: key, id: next.identity(t, img), moves: t.Identity(img) != t.Identity(b.Image)}
		}
	}
	if len(before) > 0 && next.rows[0].image != nil {
		s.Note("image", "computed")
	}
	return before, next, nil
}

// readAfter reads the changed rows back, by what they are known as now.
func readAfter(s *statement.Statement, next successors) (map[string]table.Image, error) {
	t := s.Table
	if len(next.rows) == 0 || next.rows[0].image != nil {
		return nil, nil
	}
	tuples := make([][]any, len(next.rows))
	for i, n := range next.rows {
		tuples[i] = n.key
	}
	if t.RowID != "" {
		after := make(map[string]table.Image, len(next.rows))
		return after, s.ReadByRowID(tuples, func(rowid any, img table.Image) { after[values.KeyText(rowid)] = img })
	}
	rows, err := s.ReadByKey(t, tuples)
	if err != nil {
		return nil, err
	}
	return byIdentity(s, rows, next.kept)
}

// pair compares the rows with what they were. It returns what became of them by
// their former identity.
func pair(s *statement.Statement, before []table.Row, next successors, after map[string]table.Image) (map[string]parent, error) {
	parents := make(map[string]parent, len(before))
	for i, b := range before {
		img := next.rows[i].image
		if img == nil {
			img = after[next.rows[i].id]
		}
		if img == nil {
			if err := refuseUnfound(s, b.Image); err != nil {
				return nil, err
			}
		}
		if img != nil && table.Same(b.Image, img) {
			continue
		}
		parents[s.Table.Identity(b.Image)] = parent{record: s.Changed(s.Table, b.Image, img).ID, after: img}
	}
	return parents, nil
}
