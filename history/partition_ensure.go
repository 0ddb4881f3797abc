package history

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/history/internal/partition"
	"github.com/gorm-audit/auditplugin/internal/dialect"
	"github.com/gorm-audit/auditplugin/internal/owntable"
)

// EnsurePartitions makes the partitions for the present month and the given number
// of months ahead, where they are missing, and returns their names. Records that
// already went to the partition for all other times are moved. Call it daily or so,
// with a role that owns the table; several processes may call it at once. It does
// not run inside a transaction. A table that is not partitioned by [PartitionSchema],
// or in the same way, is [ErrNotPartitioned].
//
// While a partition is made, writers wait: on PostgreSQL for as long as it takes to
// look through the partition for all other times (no time, if it is empty), on MySQL
// for a moment after the last running transaction that used the table. Either gives
// up after five seconds of waiting for others and can be called again.
func EnsurePartitions(ctx context.Context, db *gorm.DB, ahead int, opts ...Option) ([]string, error) {
	if ahead < 0 || ahead > maxMonths {
		return nil, fmt.Errorf("%w: partitions for %d months ahead", ErrInvalidQuery, ahead)
	}
	s, _, err := storeOf(db, settingsOf(opts))
	if err != nil {
		return nil, err
	}
	if _, err := s.partitions(ctx, s.db); err != nil {
		return nil, err
	}
	var made []string
	month := monthOf(time.Now())
	for range ahead + 1 {
		name, err := s.ensure(ctx, month)
		if err != nil {
			return made, fmt.Errorf("auditplugin: partition of %s for %s: %w", s.name, month.Format("2006-01"), err)
		}
		if name != "" {
			made = append(made, name)
		}
		month = month.AddDate(0, 1, 0)
	}
	return made, nil
}

// storeOf finds the audit table and refuses transactions.
func storeOf(db *gorm.DB, set settings) (store, Query, error) {
	q := set.ask(Search(db))
	if q.err != nil {
		return store{}, q, q.err
	}
	if len(q.conditions)+len(q.scopes) > 0 {
		return store{}, q, fmt.Errorf("%w: Asking: what is done to the audit table as a whole cannot be narrowed", ErrInvalidQuery)
	}
	from := db
	if q.in != nil {
		from = q.in
	}
	pool, err := owntable.Errors{Invalid: ErrInvalidQuery, InTransaction: fmt.Errorf("%w: not inside a transaction", ErrInvalidQuery)}.Pool(from)
	if err != nil {
		return store{}, q, err
	}
	return store{db: pool, dialect: from.Name(), name: q.auditTable()}, q, nil
}

// store is the audit table on a pool of its own database, reached past GORM: what
// is done to the table itself is not a change that anybody audits.
type store struct {
	db      *sql.DB
	dialect string
	name    string // with a schema or without
}

func (s store) facts() *dialect.Facts { return dialect.FactsOf(s.dialect) }

// quote quotes a name without a schema.
func (s store) quote(name string) string { return dialect.Quote(s.dialect, name) }

// qualified quotes a name that may have a schema.
func qualified(name, table string) string { return dialect.ParseTable(table).Quoted(name) }

// partitions lists the table's, or fails with [ErrNotPartitioned].
func (s store) partitions(ctx context.Context, conn audit.Conn) (all []partition.Partition, err error) {
	if way := partition.Of(s.dialect); way != nil {
		if all, err = way.List(ctx, conn, s.name); err != nil {
			return nil, fmt.Errorf("auditplugin: partitions of %s: %w", s.name, err)
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%w: %s", ErrNotPartitioned, s.name)
	}
	return all, nil
}

// ensure makes the month's partition, and names it if it was missing.
func (s store) ensure(ctx context.Context, month time.Time) (made string, err error) {
	conn, err := s.db.Conn(ctx)
	if err != nil {
		return "", err
	}
	defer func() { _ = conn.Close() }() // gives it back
	way, name := partition.Of(s.dialect), ""
	err = owntable.Alone(ctx, conn, s.dialect, s.lockKey(), func(conn owntable.Conn) error {
		all, err := s.partitions(ctx, conn)
		if err != nil {
			return err
		}
		rest, ok, err := missing(all, month)
		if err != nil || !ok {
			return err
		}
		name = way.Name(s.name, month)
		return way.Add(ctx, conn, s.name, rest, month)
	})
	if err != nil {
		return "", err
	}
	return name, nil
}

// missing reports whether no partition holds the month, and names the one for all
// other times.
func missing(all []partition.Partition, month time.Time) (rest string, ok bool, err error) {
	next := month.AddDate(0, 1, 0)
	for _, p := range all {
		switch {
		case p.Rest:
			rest = p.Name
		case !p.From.After(month) && !p.Until.Before(next):
			return "", false, nil
		case p.From.Before(next) && p.Until.After(month):
			return "", false, fmt.Errorf("%w: partition %s holds a part of it", ErrNotPartitioned, p.Name)
		}
	}
	return rest, true, nil
}

// lockKey is the advisory lock of one table, the same in every process.
func (s store) lockKey() int64 {
	return owntable.LockKey("auditplugin partitions\x00" + bareTable(s.name))
}
