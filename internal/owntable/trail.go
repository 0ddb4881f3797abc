package owntable

import "gorm.io/gorm"

// DefaultTrail is the audit table's name where nobody gave it another.
const DefaultTrail = "audit_logs"

// TrailOf is the name of the audit table that belongs to db: the one to which the plugin
// on it writes, in the database to which db leads, else [DefaultTrail]. db may be nil.
func TrailOf(db *gorm.DB) string {
	if db == nil || db.Config == nil {
		return DefaultTrail
	}
	name := ""
	switch p := db.Plugins["auditplugin"].(type) {
	case interface{ AuditTableAt(db *gorm.DB) string }:
		name = p.AuditTableAt(db)
	case interface{ AuditTable() string }:
		name = p.AuditTable()
	}
	if name == "" {
		return DefaultTrail
	}
	return name
}
