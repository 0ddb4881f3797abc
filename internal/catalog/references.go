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

const postgresOutgoing = `SELECT k.oid::text, a.attname, n.nspname, c.relname, b.attname, k.condeferrable::text, u.ord::text
FROM pg_catalog.pg_constraint k
JOIN pg_catalog.pg_class own ON own.oid = k.conrelid
JOIN pg_catalog.pg_namespace os ON os.oid = own.relnamespace
JOIN pg_catalog.pg_class c ON c.oid = k.confrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
CROSS JOIN LATERAL ROWS FROM (pg_catalog.unnest(k.conkey), pg_catalog.unnest(k.confkey)) WITH ORDINALITY AS u(num, refnum, ord)
JOIN pg_catalog.pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.num
JOIN pg_catalog.pg_attribute b ON b.attrelid = k.confrelid AND b.attnum = u.refnum
WHERE k.contype = 'f' AND os.nspname = $1 AND own.relname = $2`

const mysqlOutgoing = `SELECT CONSTRAINT_NAME, COLUMN_NAME, REFERENCED_TABLE_SCHEMA, REFERENCED_TABLE_NAME, REFERENCED_COLUMN_NAME, 'false', ORDINAL_POSITION
FROM information_schema.KEY_COLUMN_USAGE
WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ? AND REFERENCED_TABLE_NAME IS NOT NULL`

const sqliteOutgoing = `SELECT f.id, f."from", ?1, f."table", f."to", 'false', f.seq FROM pragma_foreign_key_list(?2, ?1) AS f`

// References reads the foreign keys that a table has; none in a dialect that this
// package does not know. See [Load] for what a read means inside a transaction.
func References(ctx context.Context, conn audit.Conn, dialect string, t *Table) ([]Reference, error) {
	query := map[string]string{"postgres": postgresOutgoing, "mysql": mysqlOutgoing, "sqlite": sqliteOutgoing}[dialect]
	if query == "" || t.Kind == Missing {
		return nil, nil
	}
	rows, err := queryStrings(ctx, conn, query, t.Schema, t.Name)
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
