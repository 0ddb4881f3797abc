// Package work holds what the benchmarks do: each an operation that an application
// does through GORM.
package work

import (
	"fmt"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/test/benchmarks/subject"
)

// Work is one operation.
type Work struct {
	// Name is what the flag -work takes.
	Name string
	// Title is what the tables say.
	Title string
	// Writes is how many rows one operation changes.
	Writes int
	// Big says that it needs the table of Big.
	Big bool
	// Before makes what n operations from number i on need. It is not measured.
	// Nil makes nothing.
	Before func(s *subject.Subject, i, n int) error
	// Do is operation number i. Numbers are never used twice in a table.
	Do func(db *gorm.DB, i int) error
}

// Bulk says that one operation is long enough to be measured by itself.
func (w Work) Bulk() bool { return w.Writes >= 100 }

// All returns the works in the order in which tables show them.
func All() []Work {
	return []Work{
		create(), update(), remove(), transaction(),
		createMany(), updateMany(), updateBig(), upsert(),
		read(), unaudited(),
	}
}

// Find returns the work with the given name.
func Find(name string) (Work, error) {
	var names []string
	for _, w := range All() {
		if w.Name == name {
			return w, nil
		}
		names = append(names, w.Name)
	}
	return Work{}, fmt.Errorf("auditplugin: no work %q: one of %v", name, names)
}
