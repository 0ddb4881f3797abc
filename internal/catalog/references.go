package catalog

import (
	"context"
	"fmt"
	"sort"

	"github.com/gorm-audit/auditplugin/audit"
)

// Reference is a foreign key of a table, whatever its actions.
type Reference struct {
	// Schema and Table name the table that is referenced.
	Schema, Table string
	// Columns are the table's own, RefColumns those of the referenced one, in the same
	// order. RefColumns is empty where they are the other's primary key.
	Columns, RefColumns []string
	// Deferrable tells that PostgreSQL can be told to check it at the end.
	Deferrable bool
}

// References reads the foreign keys that a table has; none in a dialect that this
// package does not know. See [Load] for what a read means inside a transaction.
func References(ctx context.Context, conn audit.Conn, dialect string, t *Table) ([]Reference, error) {
	d, known := databaseOf(dialect)
	if !known || t.Kind == Missing {
		return nil, nil
	}
	rows, err := queryStrings(ctx, conn, d.outgoing, t.Schema, t.Name)
	if err != nil {
		return nil, fmt.Errorf("auditplugin: reading the foreign keys of table %q: %w", t.Name, err)
	}
	sort.SliceStable(rows, func(i, j int) bool {
		if rows[i][0] != rows[j][0] {
			return rows[i][0] < rows[j][0]
		}
		return number(rows[i][6]) < number(rows[j][6])
	})
	var all []Reference
	for i, r := range rows {
		if i == 0 || r[0] != rows[i-1][0] {
			all = append(all, Reference{Schema: r[2], Table: r[3], Deferrable: r[5] == "true"})
		}
		f := &all[len(all)-1]
		f.Columns = append(f.Columns, t.spelling(r[1]))
		if r[4] != "" {
			f.RefColumns = append(f.RefColumns, r[4])
		}
	}
	return all, nil
}
