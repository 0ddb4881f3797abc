package neighbour

import (
	"reflect"
	"runtime"
	"strings"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/internal/fault"
)

// Migrator knows the methods of a database's migrator. SQLite's makes a table anew to
// alter it, and copies the rows by SQL that looks like the application's own: only the
// stack tells who sent it.
type Migrator struct {
	methods []string // what names of its functions begin with
}

// MigratorOf is the migrator of a database. A dialect without one has no methods.
func MigratorOf(db *gorm.DB) Migrator {
	var m Migrator
	// Mocked dialects panic.
	_ = fault.Guard(func() error {
		m.add(reflect.TypeOf(db.Migrator()), 0)
		return nil
	})
	return m
}

// maxEmbedded bounds migrators in migrators.
const maxEmbedded = 8

// add enters a type's methods, and those that it has of types in it.
func (m *Migrator) add(t reflect.Type, depth int) {
	if t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t == nil || t.Name() == "" || depth > maxEmbedded {
		return
	}
	path := t.PkgPath()
	at := strings.LastIndexByte(path, '/') + 1
	path = path[:at] + strings.ReplaceAll(path[at:], ".", "%2e") // as the runtime writes it
	m.methods = append(m.methods, path+"."+t.Name()+".", path+".(*"+t.Name()+").")
	if t.Kind() != reflect.Struct {
		return
	}
	for i := range t.NumField() {
		if f := t.Field(i); f.Anonymous {
			m.add(f.Type, depth+1)
		}
	}
}

// maxMigratorFrames bounds how far up the sender is looked for.
const maxMigratorFrames = 64

// Sent reports whether a method of the migrator sent the statement at hand: whether it is
// the first on the stack outside of GORM and of us. What the application sends from a
// function that it gave to the migrator is the application's.
func (m Migrator) Sent() bool {
	if len(m.methods) == 0 {
		return false
	}
	var pcs [maxMigratorFrames]uintptr
	const skip = 2 // runtime.Callers and this
	frames := runtime.CallersFrames(pcs[:runtime.Callers(skip, pcs[:])])
	for {
		f, more := frames.Next()
		for _, method := range m.methods {
			if strings.HasPrefix(f.Function, method) {
				return true
			}
		}
		if !more || !between(f.Function) {
			return false
		}
	}
}

// between reports whether a function is GORM's or ours.
func between(function string) bool {
	for _, prefix := range [...]string{"gorm.io/gorm.", "gorm.io/gorm/", "github.com/gorm-audit/auditplugin.", "github.com/gorm-audit/auditplugin/internal/"} {
		if strings.HasPrefix(function, prefix) {
			return true
		}
	}
	return false
}
