module github.com/gorm-audit/auditplugin/alert/file

go 1.25.0

require (
	github.com/goccy/go-yaml v1.19.2
	github.com/gorm-audit/auditplugin v0.1.0
	gorm.io/driver/sqlite v1.5.7
	gorm.io/gorm v1.30.0
)

require (
	github.com/google/uuid v1.6.0 // indirect
	github.com/jinzhu/inflection v1.0.0 // indirect
	github.com/jinzhu/now v1.1.5 // indirect
	github.com/mattn/go-sqlite3 v1.14.22 // indirect
	golang.org/x/text v0.20.0 // indirect
)
