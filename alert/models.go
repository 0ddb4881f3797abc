package alert

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"

	"gorm.io/gorm"
	"gorm.io/gorm/schema"

	"github.com/gorm-audit/auditplugin/audit"
)

// known are the columns of the models that rules may speak of.
type known struct {
	models, tables map[string][]string
}

// learn reads the models' schemas as the plugin does.
func learn(db *gorm.DB, models []any) (known, error) {
	k := known{models: map[string][]string{}, tables: map[string][]string{}}
	for _, m := range models {
		s, err := schema.Parse(m, &sync.Map{}, db.NamingStrategy)
		if err != nil {
			return k, fmt.Errorf("%w: %T is not a model: %w", ErrInvalidOption, m, err)
		}
		name := audit.TypeName(s.ModelType.Name())
		if n, ok := reflect.New(s.ModelType).Interface().(interface{ AuditName() string }); ok {
			name = n.AuditName()
		}
		_, table, qualified := strings.Cut(s.Table, ".")
		if !qualified {
			table = s.Table
		}
		k.models[name] = append(k.models[name], s.DBNames...)
		k.tables[table] = append(k.tables[table], s.DBNames...)
	}
	return k, nil
}

// check finds names in c that no known model has.
func (k known) check(c *condition) []error {
	if len(k.models) == 0 {
		return nil
	}
	var errs []error
	c.each(func(c *condition) {
		for _, name := range c.models {
			if _, ok := k.models[name]; !ok {
				errs = append(errs, fmt.Errorf("%w: %q; known are %s", ErrUnknownModel, name, names(k.models)))
			}
		}
		for _, name := range c.tables {
			if _, ok := k.tables[name]; !ok {
				errs = append(errs, fmt.Errorf("%w: table %q; known are %s", ErrUnknownModel, name, names(k.tables)))
			}
		}
	})
	return append(errs, k.checkColumns(c, nil)...)
}

func names(of map[string][]string) string {
	return strings.Join(slices.Sorted(maps.Keys(of)), ", ")
}

// checkColumns looks for the columns of c among those of the models and tables that
// c, or what is around it, names; if none is named, among all.
func (k known) checkColumns(c *condition, around []string) []error {
	models, tables := c.named()
	var columns []string
	for _, name := range models {
		columns = append(columns, k.models[name]...)
	}
	for _, name := range tables {
		columns = append(columns, k.tables[name]...)
	}
	if columns == nil {
		columns = around
	}
	if columns == nil {
		for _, all := range k.models {
			columns = append(columns, all...)
		}
	}
	var errs []error
	for _, path := range c.columns {
		column, _, _ := strings.Cut(path, ".")
		if !slices.Contains(columns, column) && !slices.Contains(columns, path) {
			slices.Sort(columns)
			errs = append(errs, fmt.Errorf("%w: %q; known are %s", ErrUnknownColumn, path, strings.Join(slices.Compact(columns), ", ")))
		}
	}
	for _, inner := range c.inner {
		errs = append(errs, k.checkColumns(inner, columns)...)
	}
	return errs
}
