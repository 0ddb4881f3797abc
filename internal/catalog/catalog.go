// Package catalog reads what a database's own catalog says about one table: its
// columns, keys, the foreign keys that reach it, and what the current role may do.
//
// The plugin chooses how to read a row's images from these facts and never from
// the application's model, which may describe a key the database does not have.
//
// Versions: SQLite 3.37, PostgreSQL 12, MySQL 5.7, MariaDB 10.2 and later.
package catalog

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// Kind is what a name in the database stands for.
type Kind uint8

const (
	// Missing is a name that stands for no table or view the connection can see.
	// On MySQL temporary tables are Missing too: its catalog does not list them.
	Missing Kind = iota
	// Plain is an ordinary table.
	Plain
	// Partitioned is a table whose rows live in partitions.
	Partitioned
	// View is a view, materialized or not.
	View
	// Virtual is a SQLite virtual table or one of its shadow tables.
	Virtual
	// Foreign is a table whose rows live on another server.
	Foreign
	// Unknown is any name in a dialect whose catalog this package can not read.
	// Nothing is known of its columns and keys, and everything is allowed.
	Unknown
)

// String returns the kind in lower case.
func (k Kind) String() string {
	names := [...]string{"missing", "plain", "partitioned", "view", "virtual", "foreign"}
	if int(k) < len(names) {
		return names[k]
	}
	return "unknown"
}

// Column is one column of a table.
type Column struct {
	// Name is the column's name as the catalog spells it.
	Name string
	// DBType is the type in upper case, without length or precision: INT4,
	// TIMESTAMPTZ, NUMERIC, VARCHAR, BLOB. PostgreSQL arrays start with an
	// underscore (_INT4) and domains appear as the type below them. MySQL's
	// TINYINT(1) keeps its width and unsigned types end in " UNSIGNED"; MariaDB's
	// JSON, stored as a checked LONGTEXT, is JSON. SQLite gives the declared type
	// up to its parenthesis, and "" when none was declared.
	DBType string
	// NotNull tells that the database refuses NULL here.
	NotNull bool
	// Generated tells that the value is computed from other columns (or, for
	// system-versioned tables, from time), so that statements can not set it.
	Generated bool
	// Selectable tells that the current role may read the column.
	Selectable bool
	// AutoIncrement tells that the database assigns a fresh number when the
	// column is left out: AUTO_INCREMENT, identity, nextval, SQLite's rowid.
	AutoIncrement bool
	// Size is the first number in the type's parentheses: the length of a VARCHAR,
	// the digits of a second of a DATETIME; 0 for integers. UTF8 tells that the character set is
	// utf8mb4. Both are known on MySQL only.
	Size int
	UTF8 bool
	// Scale is how many digits behind the point a decimal column keeps; 0 for none, for
	// as many as it is given, and on SQLite.
	Scale int
	// OnUpdate tells that an UPDATE changes the column without naming it: MySQL's
	// ON UPDATE CURRENT_TIMESTAMP.
	OnUpdate bool
	// HasDefault tells that a column left out gets something other than NULL,
	// from DEFAULT or from a domain. It is false for generated columns.
	HasDefault bool
}

// ForeignKey is a foreign key that references a table.
type ForeignKey struct {
	// Name is the constraint's name, "" where the database gives it none.
	Name string
	// Schema and Table name the child: the table that has the foreign key.
	Schema, Table string
	// Columns are the child's columns, RefColumns those of the referenced table,
	// in the same order.
	Columns, RefColumns []string
	// Collations are by which the referenced columns compare, where that may be another
	// than the child's: on SQLite, "" for the usual one; nil elsewhere, or if all are usual.
	Collations []string
	// OnDelete and OnUpdate are "CASCADE", "SET NULL", "SET DEFAULT", "RESTRICT"
	// or "NO ACTION".
	OnDelete, OnUpdate string
}

// changesRows reports whether the key's actions can change child rows.
func (f ForeignKey) changesRows() bool {
	return actionChangesRows(f.OnDelete) || actionChangesRows(f.OnUpdate)
}

func actionChangesRows(action string) bool {
	return action == "CASCADE" || action == "SET NULL" || action == "SET DEFAULT"
}

// Table is what the catalog says about one table. It is read-only once loaded and
// may be shared between goroutines.
type Table struct {
	// Schema and Name are spelt as in the catalog. Of a Missing table they are
	// what was asked for.
	Schema, Name string
	Kind         Kind
	// Temporary tells that the table goes away by itself, and with it what its name stood for.
	// Never set on MySQL, whose catalog does not list such tables.
	Temporary bool
	// Columns are in the table's order; hidden SQLite columns are left out.
	Columns []Column
	// PrimaryKey holds the primary key's columns in key order.
	PrimaryKey []string
	// Uniques holds the columns of every unique index or constraint, the primary
	// key included, that holds for all rows, at every moment, for whole values of
	// plain columns. On SQLite an index that compares a column more strictly than
	// the column's own collation can not be told apart and is listed.
	Uniques [][]string
	// PartialUniques tells that there are other unique indexes: partial ones, on
	// expressions or prefixes, deferrable or invalid ones, ones that do not
	// reach inheriting tables.
	PartialUniques bool
	// Incoming holds the foreign keys, of other tables or its own, that reference
	// this table and change child rows on delete or on update.
	Incoming []ForeignKey
	// ForeignKeysEnforced is false when the connection that loaded the table has
	// foreign keys switched off (SQLite's default; MySQL's foreign_key_checks).
	ForeignKeysEnforced bool
	// WithoutRowID tells that a SQLite table is declared WITHOUT ROWID.
	WithoutRowID bool
	// RowIDAlias is the column that stands for a SQLite table's rowid, or "".
	RowIDAlias string
	// CanSelect and CanUpdate tell that the current role may read, or update,
	// every column. Always true on SQLite.
	CanSelect, CanUpdate bool
	// CanLock tells that PostgreSQL lets the current role lock rows while
	// selecting them: it may update at least one column. True elsewhere.
	CanLock bool
	// HasUserTriggers tells that the table, or a partition of it, has triggers. On
	// MySQL only those that the current user may see. Companion triggers, which write
	// nothing but records, do not count; they are known by their name.
	HasUserTriggers bool
	// Triggered tells that a trigger may change rows of the table that a statement
	// has just written, or what it writes: on SQLite, that the body of any trigger
	// names the table; elsewhere, that it has a BEFORE or INSTEAD OF trigger or, on
	// MySQL, may have one that the current user is not allowed to see.
	Triggered bool
	// KeysMove tells that a row which is not found under its key after an UPDATE has another
	// one: a trigger may give it one, where none may delete it.
	KeysMove bool
	// KeepsDeleted tells that a trigger may keep a row that is to be deleted, and change it.
	KeepsDeleted bool
	// RowSecurity tells that row-level security applies to the current role.
	RowSecurity bool
	// HasRules tells that the table has PostgreSQL rules that rewrite writes.
	HasRules bool

	// Replaces tells that a constraint of the table may remove rows that are in the way of
	// one that is written: SQLite's ON CONFLICT REPLACE in CREATE TABLE.
	Replaces bool

	// foldNames tells that the database compares column names without case.
	foldNames bool
	// longestName is of how many bytes a name is that the database does not cut, 0 where it
	// cuts none.
	longestName int
}

// Column returns the column with the given name, compared as the database does.
func (t *Table) Column(name string) (Column, bool) {
	for _, c := range t.Columns {
		if c.Name == name {
			return c, true
		}
	}
	if t.foldNames {
		for _, c := range t.Columns {
			if strings.EqualFold(c.Name, name) {
				return c, true
			}
		}
	}
	if t.RowIDAlias != "" && IsRowID(name) {
		return t.Column(t.RowIDAlias)
	}
	if t.longestName > 0 && len(name) > t.longestName {
		return t.Column(Cut(name, t.longestName))
	}
	return Column{}, false
}

// IsRowID reports whether a name stands for SQLite's rowid, where no column has it.
func IsRowID(name string) bool {
	return slices.ContainsFunc(RowIDNames(), func(n string) bool { return strings.EqualFold(n, name) })
}

// RowIDNames are the names of SQLite's rowid.
func RowIDNames() []string { return []string{"rowid", "_rowid_", "oid"} }

// Cut is a name of n bytes at most, and of whole characters; 0 cuts none.
func Cut(name string, n int) string {
	if n == 0 || len(name) <= n {
		return name
	}
	for n > 0 && !utf8.RuneStart(name[n]) {
		n--
	}
	return name[:n]
}

// UniqueNotNull reports whether a join on cols pairs every row with itself and no
// other: all of cols are NOT NULL and some of them, or all, form a unique key.
func (t *Table) UniqueNotNull(cols []string) bool {
	given := make(map[string]bool, len(cols))
	for _, name := range cols {
		c, ok := t.Column(name)
		if !ok || !c.NotNull {
			return false
		}
		given[c.Name] = true
	}
	for _, unique := range t.Uniques {
		covered := len(unique) > 0
		for _, name := range unique {
			covered = covered && given[name]
		}
		if covered {
			return true
		}
	}
	return false
}
