module github.com/gorm-audit/auditplugin/alert/channels

go 1.25.0

require (
	github.com/gorm-audit/auditplugin v0.1.0
	github.com/nicholas-fedor/shoutrrr v0.13.2
	github.com/wneessen/go-mail v0.8.1
)

require (
	github.com/google/uuid v1.6.0 // indirect
	github.com/jinzhu/inflection v1.0.0 // indirect
	github.com/jinzhu/now v1.1.5 // indirect
	github.com/mattn/go-colorable v0.1.14 // indirect
	github.com/mattn/go-isatty v0.0.20 // indirect
	golang.org/x/crypto v0.54.0 // indirect
	golang.org/x/sys v0.47.0 // indirect
	golang.org/x/term v0.45.0 // indirect
	golang.org/x/text v0.40.0 // indirect
	gorm.io/gorm v1.30.0 // indirect
)
