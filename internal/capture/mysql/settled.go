package mysql

import (
	"slices"

	"gorm.io/gorm/clause"

	"github.com/gorm-audit/auditplugin/internal/capture"
	"github.com/gorm-audit/auditplugin/internal/catalog"
	"github.com/gorm-audit/auditplugin/internal/statement"
	"github.com/gorm-audit/auditplugin/internal/table"
)

// settled finds out which of the rows that were met the statement itself had inserted: those
// that have a unique key of a row which was sent and met none. How many they are is certain,
// since what was sent was inserted or met a row, and what was inserted is new afterwards or
// was met again. Where the rows do not make up that number, the write is refused.
func settled(s *statement.Statement, rows []*met, inserted clause.Values, after []table.Row) error {
	t := s.Table
	want := len(inserted.Values) - len(fresh(t, rows, after))
	if want == 0 || len(t.Key) == 0 || capture.Ignores(s) || t.Catalog.Kind == catalog.View {
		return nil // with IGNORE, a row may be neither
	}
	has, own := keysOf(s, inserted), 0
	for _, m := range rows {
		if m.own = has(m.was.Image); m.own {
			own++
		}
	}
	for _, m := range rows {
		if own >= want || m.own {
			continue
		}
		// Texts that a collation takes for the same meet each other, too.
		meets, err := meetings(s, inserted, m.now)
		if err != nil {
			return err
		}
		if m.own = slices.Contains(meets, true); m.own {
			own++
		}
	}
	switch {
	case own == want:
		return nil
	case own < want:
		return s.Refuse("%d rows that were inserted are not found by the keys that were sent or generated", want-own)
	}
	return s.Refuse("which of the %d rows that it met are its own can not be told", len(rows))
}

// withoutPassedOver leaves out of after the rows that were only found by a unique key which
// the statement sent, but did not insert: where a row that was sent meets two rows by two
// keys, MySQL updates one of them, and the other stays as it is.
func withoutPassedOver(s *statement.Statement, rows []*met, vals, inserted clause.Values, after []table.Row) ([]table.Row, error) {
	if len(inserted.Values) == len(vals.Values) || len(s.Table.Key) == 0 {
		return after, nil
	}
	has, over := keysOf(s, inserted), make(map[string]bool)
	for _, r := range fresh(s.Table, rows, after) {
		if has(r.Image) {
			continue
		}
		meets, err := meetings(s, vals, r)
		if err != nil {
			return nil, err
		}
		inserts, err := meetings(s, inserted, r)
		if err != nil {
			return nil, err
		}
		over[s.Table.Identity(r.Image)] = slices.Contains(meets, true) && !slices.Contains(inserts, true)
	}
	return slices.DeleteFunc(after, func(r table.Row) bool { return over[s.Table.Identity(r.Image)] }), nil
}
