package capture

import (
	"regexp"
	"strings"

	"github.com/gorm-audit/auditplugin/internal/catalog"
	"github.com/gorm-audit/auditplugin/internal/statement"
)

// random matches functions that give another value for each row and each time.
var random = regexp.MustCompile(`(?i)\b(rand|random|randomblob|uuid|uuid_short|gen_random_uuid)\s*\(`)

// refuseRandom refuses a statement whose condition gives other rows each time, where it
// would be evaluated twice: the rows that were read are not those that it changes.
func refuseRandom(s *statement.Statement) error {
	if strings.IndexByte(s.Query, '(') < 0 {
		return nil
	}
	at := strings.LastIndex(strings.ToUpper(s.Query), "WHERE")
	if at < 0 || !strings.Contains(s.Query[at:], "(") || !random.MatchString(s.Query[at:]) {
		return nil
	}
	return s.Refuse("its condition gives other rows each time it is evaluated; select their keys first")
}

// refuseUnfound refuses an UPDATE one of whose rows is not found again, where nothing but
// the statement could have taken it away: it would be recorded as deleted.
func refuseUnfound(s *statement.Statement) error {
	c := s.Table.Catalog
	if c.HasUserTriggers || c.Triggered || c.HasRules || c.Kind != catalog.Plain && c.Kind != catalog.Partitioned {
		return nil
	}
	return s.Refuse("a row that it changed is not found again by its key")
}

// checkGap notices rows that another transaction put in the statement's way after
// the images were read: they changed without a before image. Rows that row-level security
// hides from the role are counted only.
func checkGap(s *statement.Statement, out statement.Outcome, captured int) error {
	affected := out.Affected() // drivers that can not count say 0
	if affected <= int64(captured) || !s.Name.Simple || s.Table.Catalog.Kind == catalog.View {
		return nil
	}
	if s.Table.Catalog.RowSecurity {
		s.Unseen = affected - int64(captured)
		return nil
	}
	return s.Refuse("%d rows changed but only %d were there when their images were read", affected, captured)
}
