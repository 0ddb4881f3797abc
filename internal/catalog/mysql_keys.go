package catalog

import (
	"context"
	"sort"
	"strings"

	"github.com/gorm-audit/auditplugin/audit"
)

// Foreign keys are found in two steps: which of them reference the table, and what their
// columns are.

// A row that tells of a foreign key has the referenced table, the child's database and
// name, the constraint's name, and what it does on delete and on update.
const mysqlReference = `SELECT REFERENCED_TABLE_NAME, CONSTRAINT_SCHEMA, TABLE_NAME, CONSTRAINT_NAME, DELETE_RULE, UPDATE_RULE
	FROM information_schema.REFERENTIAL_CONSTRAINTS WHERE `

// mysqlNotSystem keeps the search for foreign keys, which looks into all databases, out
// of the server's own. To look into information_schema, MariaDB makes a temporary table
// for each of its 80, and 10.11 has died of one that it could not make.
const mysqlNotSystem = "CONSTRAINT_SCHEMA NOT IN ('information_schema', 'performance_schema', 'mysql', 'sys')"

// mysqlReferences finds the foreign keys by the table that they reference. MySQL has an
// index for that; MariaDB opens every table that the user may see.
func mysqlReferences(ctx context.Context, conn audit.Conn, t *Table, same func(a, b string) bool) ([][]string, error) {
	rows, err := queryStrings(ctx, conn, mysqlReference+"UNIQUE_CONSTRAINT_SCHEMA = ? AND REFERENCED_TABLE_NAME = ? AND "+mysqlNotSystem, t.Schema, t.Name)
	return referencing(rows, t, same), err
}

// innoDBReferences asks MariaDB's InnoDB which tables have foreign keys to this one, and
// opens those alone. InnoDB spells names as their files are called.
func innoDBReferences(ctx context.Context, conn audit.Conn, t *Table, same func(a, b string) bool) ([][]string, error) {
	const spelt = "CONVERT(CONVERT(CONVERT(? USING filename) USING binary) USING utf8mb4)"
	readable := func(part string) string {
		return "CONVERT(CONVERT(CONVERT(" + part + " USING binary) USING filename) USING utf8mb4)"
	}
	children, err := queryStrings(ctx, conn, "SELECT DISTINCT "+
		readable("SUBSTRING_INDEX(FOR_NAME, '/', 1)")+", "+readable("SUBSTRING_INDEX(FOR_NAME, '/', -1)")+
		" FROM information_schema.INNODB_SYS_FOREIGN WHERE CONVERT(REF_NAME USING utf8mb4) = CONCAT("+spelt+", '/', "+spelt+")", t.Schema, t.Name)
	if err != nil {
		return nil, err
	}
	var all [][]string
	for _, c := range children {
		rows, err := queryStrings(ctx, conn, mysqlReference+"CONSTRAINT_SCHEMA = ? AND TABLE_NAME = ? AND UNIQUE_CONSTRAINT_SCHEMA = ?", c[0], c[1], t.Schema)
		if err != nil {
			return nil, err
		}
		all = append(all, referencing(rows, t, same)...)
	}
	return all, nil
}

// referencing are the rows that are about the table: information_schema compares more
// loosely than the server names tables.
func referencing(rows [][]string, t *Table, same func(a, b string) bool) (of [][]string) {
	for _, r := range rows {
		if same(r[0], t.Name) {
			of = append(of, r)
		}
	}
	return of
}

// mysqlIncoming asks for the columns of the foreign keys that matter, each child
// by its name: a search by the referenced table would open every table there is.
func mysqlIncoming(ctx context.Context, conn audit.Conn, t *Table, rows [][]string) error {
	var parts []string
	var args []any
	keys := make(map[[3]string]*ForeignKey)
	var order [][3]string
	for _, r := range rows {
		f := &ForeignKey{Schema: r[1], Table: r[2], Name: r[3], OnDelete: r[4], OnUpdate: r[5]}
		id := [3]string{f.Schema, f.Table, f.Name}
		if !f.changesRows() || keys[id] != nil {
			continue
		}
		keys[id] = f
		order = append(order, id)
		parts = append(parts, mysqlSelect{
			"k",
			[]string{"TABLE_SCHEMA", "TABLE_NAME", "CONSTRAINT_NAME", "ORDINAL_POSITION", "COLUMN_NAME", "REFERENCED_COLUMN_NAME"},
			"information_schema.KEY_COLUMN_USAGE WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ? AND CONSTRAINT_NAME = ? AND REFERENCED_TABLE_NAME IS NOT NULL",
		}.sql(6))
		args = append(args, f.Schema, f.Table, f.Name)
	}
	if len(parts) == 0 {
		return nil
	}
	columns, err := queryStrings(ctx, conn, strings.Join(parts, "\nUNION ALL "), args...)
	if err != nil {
		return err
	}
	sort.SliceStable(columns, func(i, j int) bool { return number(columns[i][4]) < number(columns[j][4]) })
	for _, c := range columns {
		if f := keys[[3]string{c[1], c[2], c[3]}]; f != nil {
			f.Columns = append(f.Columns, c[5])
			f.RefColumns = append(f.RefColumns, t.spelling(c[6]))
		}
	}
	sort.Slice(order, func(i, j int) bool { return strings.Join(order[i][:], "\x00") < strings.Join(order[j][:], "\x00") })
	for _, id := range order {
		t.Incoming = append(t.Incoming, *keys[id])
	}
	return nil
}

const mysqlOutgoing = `SELECT CONSTRAINT_NAME, COLUMN_NAME, REFERENCED_TABLE_SCHEMA, REFERENCED_TABLE_NAME, REFERENCED_COLUMN_NAME, 'false', ORDINAL_POSITION
FROM information_schema.KEY_COLUMN_USAGE
WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ? AND REFERENCED_TABLE_NAME IS NOT NULL`
