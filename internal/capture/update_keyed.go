package capture

import (
	"github.com/gorm-audit/auditplugin/internal/statement"
	"github.com/gorm-audit/auditplugin/internal/table"
)

// keepsKeys reports whether the UPDATE leaves the key of its rows alone, so that a
// row is found again by the key it had. The application wants no rows of it.
func keepsKeys(s *statement.Statement, names []string) bool {
	return len(s.Table.Key) > 0 && len(names) > 0 && !s.WantRows && !s.Table.KeyIn(names)
}

// readKeyed reads the rows that such an UPDATE will change, without holding every row
// as it is.
func readKeyed(s *statement.Statement, names []string) error {
	t := s.Table
	s.Before.Table = t
	return s.StreamTable(s.RowLock(t, t.KeysChange(names)), func(raw []any) error { s.Before.Add(raw); return nil })
}

// Write runs the application's UPDATE of the rows that were read. It must change no others.
func Write(s *statement.Statement) (statement.Outcome, error) {
	out, err := s.PlainOf(s.Table, s.Before.Len(), s.Before.Key)
	if err != nil {
		return out, err
	}
	return out, checkGap(s, out, s.Before.Len())
}

// WriteAndReadBack is Write, and then reads the rows again.
func WriteAndReadBack(s *statement.Statement) (statement.Outcome, error) {
	out, err := Write(s)
	if err != nil {
		return out, err
	}
	return out, ReadBack(s)
}

// ReadBack reads the rows again, by their keys.
func ReadBack(s *statement.Statement) error {
	t, before := s.Table, &s.Before
	for from := 0; from < before.Len(); from += statement.KeyBatch {
		to := min(from+statement.KeyBatch, before.Len())
		tuples := make([][]any, 0, to-from)
		for row := from; row < to; row++ {
			tuples = append(tuples, before.Key(row))
		}
		rows, err := s.ReadByKey(t, tuples)
		if err != nil {
			return err
		}
		after, err := byIdentity(s, rows, t.Key)
		if err != nil {
			return err
		}
		for row := from; row < to; row++ {
			b := before.Image(row)
			img := after[t.Identity(b)]
			if img == nil {
				if err := refuseUnfound(s, b); err != nil {
					return err
				}
			}
			if img == nil || !table.Same(b, img) {
				s.Log.Note(t, b, img)
			}
		}
	}
	return nil
}
