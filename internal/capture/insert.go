package capture

import (
	"strings"

	"gorm.io/gorm/clause"

	"github.com/gorm-audit/auditplugin/internal/catalog"
	"github.com/gorm-audit/auditplugin/internal/statement"
	"github.com/gorm-audit/auditplugin/internal/table"
)

// Ignores reports whether an INSERT passes over rows that can not be stored.
func Ignores(s *statement.Statement) bool {
	insert, _ := s.DB.Statement.Clauses["INSERT"].Expression.(clause.Insert)
	return strings.Contains(strings.ToUpper(insert.Modifier), "IGNORE")
}

// replaces reports whether an INSERT removes rows that are in its way.
func replaces(s *statement.Statement) bool {
	if s.Table.Catalog.Replaces {
		return true
	}
	insert, _ := s.DB.Statement.Clauses["INSERT"].Expression.(clause.Insert)
	return strings.Contains(strings.ToUpper(insert.Modifier), "REPLACE")
}

func insertAndRead(s *statement.Statement) (statement.Outcome, error) {
	out, err := s.Plain()
	if err != nil {
		return out, err
	}
	images, err := inserted(s, out)
	if err != nil && refreshed(s, err) {
		images, err = inserted(s, out)
	}
	if err != nil {
		return out, err
	}
	for _, img := range images {
		s.Changed(s.Table, nil, img)
	}
	return out, nil
}

func insertReturning(s *statement.Statement, query string) (statement.Outcome, error) {
	theirs, added, err := s.Added(query, s.Args, len(s.Table.Columns))
	if err != nil {
		return s.Partial(theirs, len(s.Table.Columns)), err
	}
	for _, raw := range added {
		s.Changed(s.Table, nil, s.Table.Normalise(raw))
	}
	return s.Answer(theirs, int64(len(added)))
}

// onlyReturned reports whether nothing but RETURNING tells the new rows' keys: PostgreSQL
// has no LastInsertId.
func onlyReturned(s *statement.Statement) bool {
	if s.Dialect.LastIDErr == nil || s.WantRows || s.Table.Catalog.HasRules || !s.PoliciesCount() {
		return false
	}
	_, known := insertedKeys(s, s.Values(), statement.Outcome{})
	return !known
}

// inserted finds the rows that a plain INSERT stored: as many as the database says, or the
// write is refused.
func inserted(s *statement.Statement, out statement.Outcome) ([]table.Image, error) {
	t, vals := s.Table, s.Values()
	n, err := out.Count()
	counted := err == nil
	if counted && n == 0 {
		return nil, nil // all were passed over
	}
	tuples, ok := insertedKeys(s, vals, out)
	if !ok || len(t.Key) == 0 {
		return Sent(s, vals, out), nil
	}
	rows, err := s.ReadByKey(t, tuples)
	if err != nil {
		return nil, err
	}
	switch found := int64(len(rows)); {
	case !counted || found == n:
	case found < n && (t.Catalog.Kind == catalog.View || t.Catalog.RowSecurity):
		return Sent(s, vals, out), nil // which need not show them
	case found < n:
		return nil, s.Refuse("%d rows were inserted but only %d are found by the keys that were sent or generated", n, found)
	default:
		return nil, s.Refuse("%d rows were inserted, and which of the %d with the keys that were sent can not be told; leave rows out by ON CONFLICT DO NOTHING", n, found)
	}
	return inOrderOf(t, tuples, rows), nil
}

// inOrderOf has the rows in the order of their keys in VALUES, where that can be told.
func inOrderOf(t *table.Table, tuples [][]any, rows []table.Row) []table.Image {
	byKey := make(map[string]table.Image, len(rows))
	order := make([]table.Image, 0, len(rows))
	for _, r := range rows {
		byKey[t.Identity(r.Image)] = r.Image
		order = append(order, r.Image)
	}
	sorted := make([]table.Image, 0, len(rows))
	for _, tuple := range tuples {
		key := make(table.Image, len(t.Columns))
		for i, k := range t.Key {
			key[k] = t.Rules[k].Normalise(tuple[i])
		}
		if img, ok := byKey[t.Identity(key)]; ok {
			sorted = append(sorted, img)
			delete(byKey, t.Identity(key))
		}
	}
	if len(sorted) != len(order) {
		return order
	}
	return sorted
}

// Sent makes images of the values that were sent, of as many rows as were stored.
func Sent(s *statement.Statement, vals clause.Values, out statement.Outcome) []table.Image {
	rows := vals.Values
	if len(vals.Columns) == 0 {
		rows = [][]any{nil} // DEFAULT VALUES
	}
	affected := int64(len(rows))
	if out.Result != nil {
		if n, err := out.Result.RowsAffected(); err == nil {
			affected = min(affected, n)
		}
	}
	return imagesSent(s, vals, rows[:affected])
}

// imagesSent makes images of the values that were sent, for rows that can not be found
// again, and says so in their records. Columns the database filled are not in them.
func imagesSent(s *statement.Statement, vals clause.Values, rows [][]any) []table.Image {
	s.Note("image", "sent")
	t := s.Table
	if len(t.Columns) == 0 {
		return nil
	}
	images := make([]table.Image, 0, len(rows))
	for _, v := range rows {
		img := make(table.Image, len(t.Columns))
		for i, c := range vals.Columns {
			if at, ok := t.At(c.Name); ok && !statement.IsExpression(v[i]) {
				img[at] = t.Rules[at].Normalise(v[i])
			}
		}
		images = append(images, img)
	}
	return images
}
