package trigger

import (
	"context"
	"fmt"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/internal/catalog"
	"github.com/gorm-audit/auditplugin/internal/table"
)

// Table is one that has companion triggers.
type Table struct {
	// Schema is the table's schema; its database on MariaDB and MySQL.
	Schema, Name string
	// Drift is what is wrong with them.
	Drift []Drift
}

// Examine finds the companion triggers of a database, whoever made them, and what is wrong
// with them as far as they tell themselves: some of a table's are missing, the table's
// columns or this library are other ones, or the text was altered. It needs neither the
// plugin nor the models, and so does not know of tags and options that changed; [Check]
// does. It only reads, and may run beside everything else. On MariaDB and MySQL it sees the
// current database, and only triggers that the user may see.
func Examine(ctx context.Context, db *gorm.DB) ([]Table, error) {
	l, err := languageOf(ctx, db)
	if err != nil {
		return nil, err
	}
	pool, err := errorsOf.Pool(db)
	if err != nil {
		return nil, err
	}
	c := checker{ctx: ctx, db: pool, dialect: db.Name()}
	all, err := c.tables(l)
	for i := range all {
		if err == nil {
			err = c.examine(l, &all[i])
		}
	}
	if err != nil {
		return nil, fmt.Errorf("trigger: looking for triggers: %w", err)
	}
	return all, nil
}

func (c checker) tables(l language) (all []Table, err error) {
	rows, err := c.db.QueryContext(c.ctx, l.tables())
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }() // rows.Err tells what went wrong
	for rows.Next() {
		var t Table
		if err := rows.Scan(&t.Schema, &t.Name); err != nil {
			return nil, err
		}
		all = append(all, t)
	}
	return all, rows.Err()
}

func (c checker) examine(l language, t *Table) error {
	s, err := c.bare(t.Schema, t.Name)
	if err != nil {
		return err
	}
	found, err := c.there(l, s.Catalog)
	if err != nil {
		return err
	}
	for _, name := range l.names(s) {
		there, ok := found[name]
		kind := Missing
		if ok {
			kind = there.state(s.Catalog)
		}
		if kind != "" {
			t.Drift = append(t.Drift, Drift{Kind: kind, Table: t.Name, Name: name})
		}
	}
	more, err := l.around(c.ctx, c.db, s.Catalog)
	t.Drift = append(t.Drift, more...)
	return err
}

// bare is a table as the catalog has it, of which no model is known.
func (c checker) bare(schema, name string) (*subject, error) {
	t, err := catalog.Load(c.ctx, c.db, c.dialect, schema, name)
	if err != nil {
		return nil, err
	}
	return &subject{Table: &table.Table{Catalog: t}}, nil
}
