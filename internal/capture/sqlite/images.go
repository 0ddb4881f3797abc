// Package sqlite has SQLite's images: it has one writer at a time, and returns the rows that
// a statement stored.
package sqlite

import (
	"github.com/gorm-audit/auditplugin/internal/capture"
	"github.com/gorm-audit/auditplugin/internal/catalog"
	"github.com/gorm-audit/auditplugin/internal/dialect"
	"github.com/gorm-audit/auditplugin/internal/statement"
)

// Images are SQLite's.
type Images struct {
	capture.Portable
	returns bool // RETURNING is known
}

// New is for a server; portable leaves out all but the write lock.
func New(server catalog.Server, portable bool) (*dialect.Dialect, capture.Images) {
	d := dialect.Of(server)
	i := Images{returns: !portable && d.AtLeast(3, 35, 0)}
	i.Lock = lock
	if !portable {
		i.Keyed = func(s *statement.Statement, names []string) (statement.Outcome, error) {
			return keyed(s, names, i.returns)
		}
	}
	if i.returns {
		i.ReturnsInserted, i.ReturnsDeleted = plain, plain
		i.Rehearse = rehearse
	}
	return d, i
}

func plain(s *statement.Statement) bool { return s.Table.Catalog.Kind == catalog.Plain }

// Insert returns of many rows only what is not certain to be stored as it was sent.
func (i Images) Insert(s *statement.Statement) (statement.Outcome, error) {
	if i.returns && plain(s) {
		if p := sentAsStored(s); p != nil {
			if query, ok := s.WithReturning(p.returned); ok {
				return insertAsSent(s, query, p)
			}
		}
	}
	return i.Portable.Insert(s)
}
