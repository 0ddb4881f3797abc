package history

import (
	"context"
	"fmt"
	"strings"

	"gorm.io/gorm/schema"

	"github.com/gorm-audit/auditplugin/internal/catalog"
)

// model finds the table that a record names, with its schema as far as that is known,
// and its model; nil for one that needs none. The model's own table does not matter:
// rows of one model may be kept in several.
func (v *reverter) model(ctx context.Context, name string) (s *schema.Schema, full string, err error) {
	full = name
	if bareTable(v.named) == name {
		full = v.named
	}
	s, settled, err := v.namedModel(name)
	if err != nil {
		return nil, "", err
	}
	if s == nil {
		s = v.metModel(name)
	}
	if s == nil && !settled {
		return nil, "", fmt.Errorf("%w %q: name it with history.Models", ErrNoModel, name)
	}
	if s != nil && schemaOfTable(full) == "" && bareTable(s.Table) == name && schemaOfTable(s.Table) != "" {
		full = s.Table
		if !settled {
			err = v.unambiguous(ctx, full)
		}
	}
	for _, t := range append(v.settings.revert.tables, v.settings.revert.modelTables()...) {
		if schemaOfTable(full) == "" && bareTable(t) == full {
			full = t
		}
	}
	return s, full, err
}

func (s *revertSettings) modelTables() []string {
	var names []string
	for _, m := range s.modelOf {
		names = append(names, m.table)
	}
	return names
}

// namedModel looks among the options. settled tells that one of them names the table.
func (v *reverter) namedModel(name string) (s *schema.Schema, settled bool, err error) {
	is := func(table string) bool { return table == name || bareTable(table) == name }
	for _, m := range v.settings.revert.modelOf {
		if is(m.table) {
			s, err := schemaOf(v.db, m.model)
			return s, true, err
		}
	}
	for _, m := range v.settings.revert.models {
		s, err := schemaOf(v.db, m)
		if err != nil {
			return nil, false, err
		}
		if is(s.Table) {
			return s, true, nil
		}
		for _, rel := range s.Relationships.Relations {
			if rel.JoinTable != nil && is(rel.JoinTable.Table) {
				return rel.JoinTable, true, nil
			}
		}
	}
	for _, t := range v.settings.revert.tables {
		settled = settled || is(t)
	}
	return nil, settled, nil
}

// metModel is the model that the plugin has met for the table.
func (v *reverter) metModel(name string) *schema.Schema {
	p, ok := v.db.Plugins["auditplugin"].(interface {
		SchemaOf(table string) *schema.Schema
	})
	if !ok {
		return nil
	}
	if s := p.SchemaOf(name); s != nil {
		return s
	}
	return p.SchemaOf(bareTable(name))
}

// unambiguous refuses a table of another schema where the name alone, which is all that
// the record has, means another one: the row may be that one's.
func (v *reverter) unambiguous(ctx context.Context, full string) error {
	other, err := catalog.Load(ctx, v.db.Statement.ConnPool, v.db.Name(), "", bareTable(full))
	if err != nil {
		return err
	}
	if other.Kind == catalog.Missing || strings.EqualFold(other.Schema, schemaOfTable(full)) {
		return nil
	}
	return fmt.Errorf("%w: its table %q is in several schemas, and the record does not say which; name it with db.Table, history.Models or history.Tables",
		ErrNotRevertible, bareTable(full))
}
