package catalog

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/gorm-audit/auditplugin/audit"
)

// Load reads the catalog's entry for a table. With an empty schema it finds what
// the connection would: PostgreSQL's search path, MySQL's current database,
// SQLite's temp, main and attached databases in that order. A name that stands
// for nothing gives a table of kind [Missing] and no error.
//
// dialect is GORM's name: "sqlite", "postgres" or "mysql". For another, Load asks
// nothing and returns a table of kind [Unknown].
//
// Load runs inside a user's transaction without failing it and without locking
// rows. Two databases need care:
//
//   - SQLite: like every read, Load begins the transaction's read snapshot. Call
//     it after the transaction has taken the write lock, or a write that follows
//     fails with SQLITE_BUSY when another connection wrote in between.
//     [Cache.Peek] tells whether a load is due.
//   - MySQL 8 keeps its catalog in InnoDB, where under REPEATABLE READ Load fixes
//     the transaction's snapshot. Call it on another connection there, or in a
//     transaction that is begun anew afterwards. MySQL 5.7 and MariaDB do not have
//     this problem.
func Load(ctx context.Context, conn audit.Conn, dialect, schema, table string) (*Table, error) {
	t := &Table{Schema: schema, Name: table}
	// No identifier has such a name, and PostgreSQL would fail the transaction.
	if table == "" || !validName(schema) || !validName(table) {
		return t, nil
	}
	d, known := databaseOf(dialect)
	if !known {
		t.Kind, t.CanSelect, t.CanUpdate, t.CanLock = Unknown, true, true, true
		return t, nil
	}
	if err := d.load(ctx, conn, t); err != nil {
		return nil, fmt.Errorf("auditplugin: reading the catalog of table %q: %w", table, err)
	}
	return t, nil
}

func validName(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsRune(s, 0)
}

// queryStrings reads all rows of a query whose columns are texts or NULL ("").
// No rows are left open when it returns, since the connection may be the only one.
func queryStrings(ctx context.Context, conn audit.Conn, query string, args ...any) (_ [][]string, err error) {
	rows, err := conn.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() {
		if e := rows.Close(); err == nil {
			err = e
		}
	}()
	names, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	values := make([]sql.NullString, len(names))
	targets := make([]any, len(names))
	for i := range values {
		targets[i] = &values[i]
	}
	var all [][]string
	for rows.Next() {
		if err := rows.Scan(targets...); err != nil {
			return nil, err
		}
		row := make([]string, len(names))
		for i, v := range values {
			row[i] = v.String
		}
		all = append(all, row)
	}
	return all, rows.Err()
}
