package history

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/gorm-audit/auditplugin/emitter"
	"github.com/gorm-audit/auditplugin/internal/dialect"
)

// ErrNotPartitioned is an audit table that is not partitioned by ranges of
// occurred_at.
var ErrNotPartitioned = errors.New("auditplugin: audit table is not partitioned by occurred_at")

// maxMonths bounds how many partitions are made at once.
const maxMonths = 1200

// PartitionSchema returns the statements that create an audit table in monthly
// partitions, in the dialect "postgres" (PostgreSQL 12 or later) or "mysql" (MariaDB
// too), for a migration to run before the plugin is installed; emitter.Table then
// finds the table and writes to it as to any other. table is its name, with a schema
// or without, as for emitter.Name. There is one partition for each of the given
// number of months (1 to 1200), beginning with the one that from falls in, in UTC,
// and one more for all other times, so that no write ever fails for want of one.
// [EnsurePartitions] adds the months to come, [Prune] drops the ones that are over.
//
// A partitioned table's keys must contain the column it is partitioned by: seq and
// id are unique together with occurred_at only. Each statement ends with a semicolon
// and a newline. Other dialects are [emitter.ErrUnknownDialect].
func PartitionSchema(dialect, table string, from time.Time, months int) (string, error) {
	if months < 1 || months > maxMonths {
		return "", fmt.Errorf("%w: %d months of partitions", ErrInvalidQuery, months)
	}
	return partitionSchema(dialect, table, from, months)
}

func partitionSchema(name, table string, from time.Time, months int) (string, error) {
	if name != dialect.Postgres && name != dialect.MySQL {
		return "", fmt.Errorf("%w: partitions in %q", emitter.ErrUnknownDialect, name)
	}
	whole, err := emitter.Table(emitter.Name(table)).Schema(name)
	if err != nil {
		return "", err
	}
	q := func(column string) string { return dialect.Quote(name, column) }
	// Keys that do not contain the partitioning column are not allowed.
	keyed := strings.Replace(whole, " PRIMARY KEY", "", 1)
	id, both := "("+q("id")+")", "("+q("id")+", "+q("occurred_at")+")"
	primary := "PRIMARY KEY (" + q("seq") + ", " + q("occurred_at") + ")"
	var out string
	if name == dialect.Postgres {
		out = strings.Replace(keyed, "\n);\n", ",\n  "+primary+"\n) PARTITION BY RANGE ("+q("occurred_at")+");\n", 1)
	} else {
		out = strings.Replace(keyed, ",\n  UNIQUE KEY ", ",\n  "+primary+",\n  UNIQUE KEY ", 1)
	}
	if keyed == whole || out == keyed || strings.Count(out, id) != 1 {
		return "", fmt.Errorf("auditplugin: the schema of the audit table is not what partitions are made for")
	}
	out = strings.Replace(out, id, both, 1)
	first := monthOf(from)
	if name == dialect.Postgres {
		for i := range months {
			at := first.AddDate(0, i, 0)
			out += postgresPartition(table, at) + ";\n"
		}
		return out + "CREATE TABLE IF NOT EXISTS " + qualified(name, partitionName(table, "default")) + " PARTITION OF " +
			qualified(name, table) + " DEFAULT;\n", nil
	}
	var parts []string
	for i := range months {
		parts = append(parts, mysqlPartition(first.AddDate(0, i, 0)))
	}
	parts = append(parts, mysqlRest)
	return strings.TrimSuffix(out, ";\n") + "\nPARTITION BY RANGE COLUMNS(" + q("occurred_at") + ") (\n  " + strings.Join(parts, ",\n  ") + "\n);\n", nil
}

// monthOf is the beginning of the month, in UTC.
func monthOf(t time.Time) time.Time {
	t = t.UTC()
	return time.Date(t.Year(), t.Month(), 1, 0, 0, 0, 0, time.UTC)
}

const (
	monthSuffix = "p200601"
	dayLayout   = "2006-01-02"
	mysqlRest   = "PARTITION pmax VALUES LESS THAN (MAXVALUE)"
)

func mysqlPartition(month time.Time) string {
	return "PARTITION " + month.Format(monthSuffix) + " VALUES LESS THAN ('" + month.AddDate(0, 1, 0).Format(dayLayout) + "')"
}

func postgresPartition(table string, month time.Time) string {
	return "CREATE TABLE IF NOT EXISTS " + qualified(dialect.Postgres, partitionName(table, month.Format(monthSuffix))) + " PARTITION OF " +
		qualified(dialect.Postgres, table) + " " + postgresBound(month)
}

// postgresBound names the zone: the session's may be another.
func postgresBound(month time.Time) string {
	return "FOR VALUES FROM ('" + month.Format(dayLayout) + " 00:00:00+00') TO ('" + month.AddDate(0, 1, 0).Format(dayLayout) + " 00:00:00+00')"
}

// maxName is PostgreSQL's limit for names, in bytes.
const maxName = 63

// partitionName puts the partition beside its table.
func partitionName(table, suffix string) string {
	t := dialect.ParseTable(table)
	for len(t.Name)+1+len(suffix) > maxName {
		r := []rune(t.Name)
		t.Name = string(r[:len(r)-1])
	}
	t.Name += "_" + suffix
	return t.Dotted()
}

// qualified quotes a name that may have a schema.
func qualified(name, table string) string { return dialect.ParseTable(table).Quoted(name) }
