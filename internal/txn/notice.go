package txn

import (
	"strings"

	"github.com/gorm-audit/auditplugin/internal/companion"
	"github.com/gorm-audit/auditplugin/internal/sqltext"
)

// noteworthy reports whether a transaction must know that query ran: transaction
// control, statements that commit implicitly, and reads of the audit table.
func (f *Follower) noteworthy(query string) bool {
	query = companion.Unmarked(query)
	if !sqltext.Single(query) {
		return true
	}
	switch sqltext.First(f.Dialect.Name(), query) {
	case sqltext.Insert, sqltext.Update, sqltext.Delete:
		return false
	case sqltext.Select:
		return f.mentionsAuditTable(query) || f.Dialect.SettingFunction != "" && sqltext.Mentions(query, f.Dialect.SettingFunction) ||
			f.Dialect.ErrorsGoUnseen && mayLock(query)
	}
	return true
}

func (f *Follower) mentionsAuditTable(query string) bool {
	for _, name := range f.AuditTables {
		if sqltext.Mentions(query, name) {
			return true
		}
	}
	return false
}

// mayLock reports whether a query may be a locking read or a write, whose
// deadlock could surface while its rows are read.
func mayLock(query string) bool {
	return strings.Contains(query, "UPDATE") || strings.Contains(query, "SHARE") ||
		sqltext.Mentions(query, "update") || sqltext.Mentions(query, "share")
}
