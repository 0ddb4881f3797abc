// Package postgres has PostgreSQL's images: one statement gives both.
package postgres

import (
	"github.com/gorm-audit/auditplugin/internal/capture"
	"github.com/gorm-audit/auditplugin/internal/catalog"
	"github.com/gorm-audit/auditplugin/internal/dialect"
	"github.com/gorm-audit/auditplugin/internal/statement"
)

// Images are PostgreSQL's.
type Images struct {
	capture.Portable
	// shortcuts are known to hold: not of servers that only speak PostgreSQL.
	shortcuts bool
}

// New is for a server; portable leaves out what is PostgreSQL's own.
func New(server catalog.Server, portable bool) (*dialect.Dialect, capture.Images) {
	d := dialect.Of(server)
	i := Images{shortcuts: !portable && d.Flavor == ""}
	if !portable {
		i.ReturnsInserted = func(s *statement.Statement) bool { return !s.Table.Catalog.HasRules && s.PoliciesCount() }
		i.ReturnsDeleted = func(s *statement.Statement) bool { return s.Table.Catalog.CanSelect && s.PoliciesCount() }
	}
	return d, i
}

// Update gives both images with the UPDATE itself, where it can.
func (i Images) Update(s *statement.Statement) (statement.Outcome, error) {
	names := statement.AssignedNames(s.Assignments())
	if i.shortcuts && len(names) > 0 && capture.Alone(s, names) && single(s) {
		return updateSingle(s, names)
	}
	return i.Portable.Update(s)
}

// mostResults is how many columns a statement may return; those of the application need
// some, too.
const mostResults = 1500

// single reports whether one statement serves. The join with the before images must be
// 1:1, so only the database's own key will do.
func single(s *statement.Statement) bool {
	t, c := s.Table, s.Table.Catalog
	return t.Exact && s.Name.Simple && (c.Kind == catalog.Plain || c.Kind == catalog.Partitioned) &&
		2*len(t.Columns) <= mostResults && c.CanSelect && c.CanLock && !c.HasRules && s.PoliciesCount() && !s.Has("FROM") && !s.ModifiedUpdate()
}
