// Package partition has how databases keep the audit table in monthly partitions: a file a
// database. Tables go by their names, with a schema or without.
package partition

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"time"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/internal/dialect"
	"github.com/gorm-audit/auditplugin/internal/owntable"
)

// Partition is one of a table's, with the times it holds. Without an end it is the one
// for all others, or the last.
type Partition struct {
	Name        string // with a schema where a partition is a table
	From, Until time.Time
	Rest        bool
}

// Way is a database's.
type Way interface {
	// List is a table's partitions by ranges of occurred_at, the rest last.
	List(ctx context.Context, conn audit.Conn, table string) ([]Partition, error)
	// Name is what a month's partition is called.
	Name(table string, month time.Time) string
	// Add makes a month's partition, and moves what belongs into it from the one called
	// rest, if there is one. It waits for a few seconds for those who use the table.
	Add(ctx context.Context, conn owntable.Conn, table, rest string, month time.Time) error
	// Rows is a partition's, as it stands behind FROM.
	Rows(table, name string) string
	// Drop drops a partition. It waits as Add does.
	Drop(ctx context.Context, db *sql.DB, table, name string) error

	// keyed puts the primary key into the table's statements.
	keyed(statements, primary string) string
	// divided puts the months into them, and the rest.
	divided(statements, table string, months []time.Time) string
}

// Of is a dialect's, by GORM's name; nil if it has no partitions.
func Of(name string) Way {
	switch name {
	case dialect.Postgres:
		return postgres{}
	case dialect.MySQL:
		return mysql{}
	default:
		return nil
	}
}

// Schema makes of the statements that create a table those that create it in partitions
// for so many months.
func Schema(name, table, whole string, first time.Time, months int) (string, error) {
	way := Of(name)
	q := func(column string) string { return dialect.Quote(name, column) }
	// Keys that do not contain the partitioning column are not allowed.
	unkeyed := strings.Replace(whole, " PRIMARY KEY", "", 1)
	id, both := "("+q("id")+")", "("+q("id")+", "+q("occurred_at")+")"
	out := way.keyed(unkeyed, "PRIMARY KEY ("+q("seq")+", "+q("occurred_at")+")")
	if unkeyed == whole || out == unkeyed || strings.Count(out, id) != 1 {
		return "", errors.New("auditplugin: the schema of the audit table is not what partitions are made for")
	}
	all := make([]time.Time, months)
	for i := range all {
		all[i] = first.AddDate(0, i, 0)
	}
	return way.divided(strings.Replace(out, id, both, 1), table, all), nil
}

const (
	monthSuffix = "p200601"
	dayLayout   = "2006-01-02"
	// lockWait is how long to wait for those who use the table, in seconds.
	lockWait = 5
)

// quoted quotes a name that may have a schema.
func quoted(name, table string) string { return dialect.ParseTable(table).Quoted(name) }
