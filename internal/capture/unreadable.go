package capture

import (
	"github.com/gorm-audit/auditplugin/internal/fault"
	"github.com/gorm-audit/auditplugin/internal/statement"
)

var errUnreadable = fault.Quiet("auditplugin: the role may read no column of the table")

// insertUnreadable captures an INSERT by a role that may not read the table: what was
// sent is all that can be known, and only where every row or none was inserted.
func insertUnreadable(s *statement.Statement) (statement.Outcome, error) {
	oc, upsert := s.OnConflict()
	if upsert && !oc.DoNothing {
		return unreadable(s)
	}
	out, err := s.Plain()
	if err != nil {
		return out, err
	}
	vals := s.Values()
	if n := out.Affected(); upsert && n > 0 && n < int64(len(vals.Values)) {
		return out, s.Unreadable(errUnreadable)
	}
	for _, img := range Sent(s, vals, out) {
		s.Changed(s.Table, nil, img)
	}
	return out, nil
}

// unreadable runs a statement whose images can not be read. Nearly always it has to
// read the table itself, and the database refuses it in its own words. Where it
// does change rows, that must not commit.
func unreadable(s *statement.Statement) (statement.Outcome, error) {
	out, err := s.Plain()
	if err != nil || out.Affected() == 0 {
		return out, err
	}
	return out, s.Unreadable(errUnreadable)
}
