package table

import (
	"context"
	"fmt"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/internal/catalog"
	"github.com/gorm-audit/auditplugin/internal/fault"
)

// Describe is the table of a model that is a struct, a pointer to one, or the name of a
// table, as the catalog has it now.
func (r *Registry) Describe(ctx context.Context, conn audit.Conn, db *gorm.DB, model any) (*Table, error) {
	name, s, err := OfModel(db, model)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", fault.ErrInvalidOption, err)
	}
	m := r.Model(s, name.Name)
	if m.Err != nil {
		return nil, m.Err
	}
	described, err := catalog.Load(ctx, conn, r.Dialect.Name(), name.Schema, name.Name)
	if err != nil {
		return nil, err
	}
	return New(r.Dialect, m, described, name), nil
}
