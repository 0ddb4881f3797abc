// Package mysql has the images of MySQL and MariaDB: those of an upsert are collected inside
// the statement, those of an UPDATE inferred where they are certain.
package mysql

import (
	"slices"

	"github.com/gorm-audit/auditplugin/internal/capture"
	"github.com/gorm-audit/auditplugin/internal/catalog"
	"github.com/gorm-audit/auditplugin/internal/dialect"
	"github.com/gorm-audit/auditplugin/internal/statement"
	"github.com/gorm-audit/auditplugin/internal/table"
)

// Images are MySQL's, and MariaDB's.
type Images struct{ capture.Portable }

// New is for a server; portable leaves out what saves reading.
func New(server catalog.Server, portable bool) (*dialect.Dialect, capture.Images) {
	d := dialect.Of(server)
	i := Images{}
	i.Choose = choose
	if portable {
		return d, i
	}
	i.Keyed = keyed
	if d.MariaDB && d.AtLeast(10, 5, 0) {
		// Run as a query, MariaDB does not tell the generated id: only where GORM itself
		// asks for rows, or nothing else tells which of them were stored.
		i.ReturnsInserted = func(s *statement.Statement) bool { return (s.WantRows || capture.Ignores(s)) && plain(s) }
	}
	if d.MariaDB && d.AtLeast(10, 0, 5) {
		i.ReturnsDeleted = plain
	}
	return d, i
}

// Insert returns the rows wherever the server counts no key that GORM may ask for: a key
// that an expression, a trigger or its column's type makes another one than was sent is
// not found again by what was sent.
func (i Images) Insert(s *statement.Statement) (statement.Outcome, error) {
	if i.ReturnsInserted != nil && !counts(s.Table) {
		i.ReturnsInserted = plain
	}
	return i.Portable.Insert(s)
}

// counts reports whether a column of the table is counted up.
func counts(t *table.Table) bool {
	return slices.ContainsFunc(t.Catalog.Columns, func(c catalog.Column) bool { return c.AutoIncrement })
}

func plain(s *statement.Statement) bool {
	return s.Table.Catalog.Kind == catalog.Plain || s.Table.Catalog.Kind == catalog.Partitioned
}
