module github.com/gorm-audit/auditplugin/internal/benchmarks

go 1.25.0

replace github.com/gorm-audit/auditplugin => ../..

require (
	github.com/gorm-audit/auditplugin v0.0.0
	go.elastic.co/ecszap v1.0.3
	go.uber.org/zap v1.28.0
)

require (
	github.com/pkg/errors v0.9.1 // indirect
	go.uber.org/multierr v1.10.0 // indirect
)
