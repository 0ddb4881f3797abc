package neighbour

import (
	"runtime"
	"strings"
)

// Migrating reports whether the statement at hand is part of a migration: whether a function
// on the stack belongs to GORM's migrator, to a migration library, or to a package, or is a
// function, of the application's that is called after migrations. It is a guess, good enough
// to leave out a warning.
func Migrating() bool {
	var pcs [maxMigratorFrames]uintptr
	const skip = 2 // runtime.Callers and this
	frames := runtime.CallersFrames(pcs[:runtime.Callers(skip, pcs[:])])
	for {
		f, more := frames.Next()
		if migrates(f.Function) {
			return true
		}
		if !more {
			return false
		}
	}
}

// migrates looks at the last part of a package's path and at the function's own name, and
// knows the libraries that do not say so there.
func migrates(function string) bool {
	if strings.HasPrefix(function, "github.com/go-gormigrate/") || strings.HasPrefix(function, "github.com/golang-migrate/") || strings.HasPrefix(function, "github.com/pressly/goose") {
		return true
	}
	if strings.HasPrefix(function, "github.com/gorm-audit/auditplugin/internal/") {
		return false
	}
	return strings.Contains(strings.ToLower(function[strings.LastIndexByte(function, '/')+1:]), "migrat")
}
