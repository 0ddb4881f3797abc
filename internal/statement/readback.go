package statement

import (
	"strings"

	"github.com/gorm-audit/auditplugin/internal/catalog"
	"github.com/gorm-audit/auditplugin/internal/table"
)

// KeyBatch bounds how many keys one read-back names.
const KeyBatch = 400

// ReadBy reads the rows whose columns equal one of the tuples. lock ends the SELECT.
func (s *Statement) ReadBy(t *table.Table, columns []string, tuples [][]any, lock string) ([]table.Row, error) {
	list := t.Bare
	if s.Form != nil {
		list = s.Form.Columns(t)
	}
	var rows []table.Row
	err := s.readIn(t, strings.Join(list, ","), columns, tuples, lock, func(raw [][]any) {
		if s.Form == nil {
			rows = append(rows, t.Rows(raw)...)
			return
		}
		for _, r := range raw {
			rows = append(rows, s.Form.Row(t, r))
		}
	})
	return rows, err
}

// ReadByKey is ReadBy for the table's key.
func (s *Statement) ReadByKey(t *table.Table, tuples [][]any) ([]table.Row, error) {
	return s.ReadBy(t, t.KeyNames(), tuples, s.Dialect.ReadLock)
}

// ReadReferring is ReadBy for the rows that refer to the tuples by a foreign key: they are
// compared as the parent's columns compare.
func (s *Statement) ReadReferring(t *table.Table, fk catalog.ForeignKey, tuples [][]any, lock string) ([]table.Row, error) {
	if len(fk.Collations) == 0 {
		return s.ReadBy(t, fk.Columns, tuples, lock)
	}
	var rows []table.Row
	for ; len(tuples) > 0; tuples = tuples[min(len(tuples), KeyBatch):] {
		b := s.SQL()
		Write(b, "SELECT ", strings.Join(t.Bare, ","), " FROM ", t.SQLName, " WHERE ")
		for i, tuple := range tuples[:min(len(tuples), KeyBatch)] {
			if i > 0 {
				Write(b, " OR ")
			}
			for k, v := range tuple {
				if k > 0 {
					Write(b, " AND ")
				}
				Write(b, s.Dialect.Quote(fk.Columns[k]), "=")
				b.AddVar(b, v)
				if k < len(fk.Collations) && fk.Collations[k] != "" {
					Write(b, " COLLATE ", s.Dialect.Quote(fk.Collations[k]))
				}
			}
		}
		Write(b, lock)
		raw, err := s.Read(b.SQL.String(), b.Vars)
		if err != nil {
			return nil, err
		}
		rows = append(rows, t.Rows(raw)...)
	}
	return rows, nil
}

// Equal tells which of some tuples equal the columns of the row with a key, as the database
// compares them.
func (s *Statement) Equal(t *table.Table, columns []string, tuples [][]any, key []any) ([]bool, error) {
	equal := make([]bool, 0, len(tuples))
	for len(tuples) > 0 {
		n := min(len(tuples), KeyBatch)
		b := s.SQL()
		Write(b, "SELECT ")
		for i := range tuples[:n] {
			if i > 0 {
				Write(b, ",")
			}
			Write(b, "CASE WHEN ")
			s.writeIn(b, t, columns, tuples[i:i+1])
			Write(b, " THEN 'x' END")
		}
		Write(b, " FROM ", t.SQLName, " WHERE ")
		s.writeIn(b, t, t.KeyNames(), [][]any{key})
		raw, err := s.Read(b.SQL.String(), b.Vars)
		if err != nil {
			return nil, err
		}
		for i := range n {
			equal = append(equal, len(raw) == 1 && raw[0][i] != nil)
		}
		tuples = tuples[n:]
	}
	return equal, nil
}

// ReadByRowID reads rows of a table without a key by SQLite's rowid, which is what it calls
// f with beside the image.
func (s *Statement) ReadByRowID(tuples [][]any, f func(rowid any, img table.Image)) error {
	t := s.Table
	return s.readIn(t, strings.Join(t.Bare, ",")+","+t.RowID, []string{t.RowID}, tuples, "", func(raw [][]any) {
		for _, r := range raw {
			f(r[len(t.Columns)], t.Normalise(r))
		}
	})
}

func (s *Statement) readIn(t *table.Table, list string, columns []string, tuples [][]any, lock string, f func(raw [][]any)) error {
	for len(tuples) > 0 {
		n := min(len(tuples), KeyBatch)
		b := s.SQL()
		Write(b, "SELECT ", list, " FROM ", t.SQLName, " WHERE ")
		s.writeIn(b, t, columns, tuples[:n])
		Write(b, lock)
		raw, err := s.Read(b.SQL.String(), b.Vars)
		if err != nil {
			return err
		}
		f(raw)
		tuples = tuples[n:]
	}
	return nil
}
