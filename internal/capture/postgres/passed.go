package postgres

import (
	"gorm.io/gorm/clause"

	"github.com/gorm-audit/auditplugin/internal/capture"
	"github.com/gorm-audit/auditplugin/internal/catalog"
	"github.com/gorm-audit/auditplugin/internal/statement"
	"github.com/gorm-audit/auditplugin/internal/table"
)

// A trigger may leave a row that an upsert meets as it is. Its before image was noted, and
// nobody takes it: it would be the next stored row's.

// forget empties the note.
const forget = "SELECT set_config('" + beforeSetting + "', '', true)"

// mayPass reports whether a trigger may have passed over a row: fewer were stored than sent.
func mayPass(s *statement.Statement, stored int) bool {
	c := s.Table.Catalog
	return (c.HasUserTriggers || c.Kind == catalog.Partitioned) && stored < max(1, len(s.Values().Values))
}

// isOwn reports whether a before image is that of the row that was stored.
func isOwn(s *statement.Statement, oc clause.OnConflict, before, after table.Image) (bool, error) {
	t := s.Table
	if len(t.Key) == 0 || capture.AssignsKey(s, oc) {
		if t = capture.ByUnique(s, oc, table.Row{Image: before}); t == nil {
			return false, s.Refuse("a trigger may have passed over some of its rows, and nothing tells which")
		}
	}
	return t.Identity(before) == t.Identity(after), nil
}
