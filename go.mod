module github.com/gorm-audit/auditplugin

go 1.25.0

require (
	github.com/google/uuid v1.6.0
	github.com/r3labs/diff/v3 v3.0.2
	gorm.io/driver/sqlite v1.6.0
	gorm.io/gorm v1.31.2
)
