package observe

import (
	"reflect"
	"strings"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/internal/fault"
)

// NameOf is how an emitter is called in metrics and health checks.
func NameOf(e audit.Emitter) string {
	if n, ok := e.(audit.Named); ok {
		var name string
		if err := fault.Guard(func() error { name = n.Name(); return nil }); err == nil && name != "" {
			return name
		}
	}
	if e == nil {
		return "nil"
	}
	return strings.TrimLeft(reflect.TypeOf(e).String(), "*")
}
