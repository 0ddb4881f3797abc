package capture

import (
	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/internal/statement"
)

// unrecorded reports whether the options leave out all that the statement can do to rows,
// also to those that foreign keys carry it to. It then costs what it costs without us.
func unrecorded(s *statement.Statement) bool {
	if !s.Model.Limits() || s.Joins() {
		return false
	}
	switch {
	case s.Op == statement.Create:
		_, upsert := s.OnConflict()
		return !upsert && !replaces(s) && !s.Model.Records(audit.Create)
	case s.Op == statement.Update || s.IsUpdate():
		return !s.Model.Records(statement.Update.Actions()...) &&
			!cascades(s, s.Table, cascade{columns: statement.AssignedNames(s.Assignments())})
	}
	return !s.Model.Records(audit.Delete) && !cascades(s, s.Table, cascade{deleting: true})
}
