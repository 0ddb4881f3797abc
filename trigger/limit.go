package trigger

import (
	"github.com/gorm-audit/auditplugin/audit"
)

// records reports whether the plugin's options let an event (INSERT, UPDATE or DELETE) leave
// a record.
func (s *subject) records(event string) bool {
	switch event {
	case "INSERT":
		return s.Records(audit.Create)
	case "UPDATE":
		return s.Records(audit.Update, audit.SoftDelete, audit.Restore)
	}
	return s.Records(audit.Delete)
}

// among is the condition, behind others, that an update's action is one of those that are
// recorded. action is its SQL.
func (s *subject) among(action string) string {
	var kept []string
	for _, a := range []audit.Action{audit.Update, audit.SoftDelete, audit.Restore} {
		if s.Records(a) {
			kept = append(kept, string(a))
		}
	}
	if len(kept) == 3 {
		return ""
	}
	return " AND (" + action + ") IN (" + texts(kept) + ")"
}
