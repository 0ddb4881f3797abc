package history

import (
	"errors"
	"fmt"
	"time"

	"github.com/gorm-audit/auditplugin/emitter"
	"github.com/gorm-audit/auditplugin/history/internal/partition"
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
	if partition.Of(name) == nil {
		return "", fmt.Errorf("%w: partitions in %q", emitter.ErrUnknownDialect, name)
	}
	whole, err := emitter.Table(emitter.Name(table)).Schema(name)
	if err != nil {
		return "", err
	}
	return partition.Schema(name, table, whole, monthOf(from), months)
}

// monthOf is the beginning of the month, in UTC.
func monthOf(t time.Time) time.Time {
	t = t.UTC()
	return time.Date(t.Year(), t.Month(), 1, 0, 0, 0, 0, time.UTC)
}
