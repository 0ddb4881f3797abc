package auditplugin

import (
	"runtime"
	"strings"

	"github.com/gorm-audit/auditplugin/audit"
)

// maxFrames bounds how deep the application is looked for: below GORM's own
// callbacks, hooks and associations.
const maxFrames = 48

// callerSource is the application's line that made the call.
func callerSource() audit.Source {
	var pcs [maxFrames]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs[:])])
	for {
		f, more := frames.Next()
		if f.Function != "" && !isInternal(f.Function) {
			return audit.Source{File: f.File, Line: f.Line, Function: f.Function}
		}
		if !more {
			return audit.Source{}
		}
	}
}

// isInternal reports whether a function belongs to GORM, to us or to the runtime.
func isInternal(function string) bool {
	for _, prefix := range [...]string{
		"gorm.io/gorm.", "gorm.io/gorm/", "gorm.io/driver/", "gorm.io/plugin/", "gorm.io/gen",
		"github.com/gorm-audit/auditplugin.", "github.com/gorm-audit/auditplugin/history.",
		"database/sql.", "runtime.", "reflect.",
	} {
		if strings.HasPrefix(function, prefix) {
			return true
		}
	}
	return false
}
