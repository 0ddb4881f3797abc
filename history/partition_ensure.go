package history

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"strings"
	"time"

	"gorm.io/gorm"

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

// lockWait is how long to wait for those who use the table, in seconds.
const lockWait = 5

func (s store) ensure(ctx context.Context, month time.Time) (string, error) {
	if s.dialect == dialect.Postgres {
		return s.ensurePostgres(ctx, month)
	}
	return s.ensureMySQL(ctx, month)
}

// missing reports whether no partition holds the month, and names the one for all
// other times.
func missing(all []partition, month time.Time) (rest string, ok bool, err error) {
	next := month.AddDate(0, 1, 0)
	for _, p := range all {
		switch {
		case p.rest:
			rest = p.name
		case !p.from.After(month) && !p.until.Before(next):
			return "", false, nil
		case p.from.Before(next) && p.until.After(month):
			return "", false, fmt.Errorf("%w: partition %s holds a part of it", ErrNotPartitioned, p.name)
		}
	}
	return rest, true, nil
}

func (s store) ensurePostgres(ctx context.Context, month time.Time) (name string, err error) {
	err = owntable.InTx(ctx, s.db, func(tx *sql.Tx) error {
		if err := owntable.LockPostgres(ctx, tx, s.lockKey()); err != nil {
			return err
		}
		all, err := s.partitions(ctx, tx)
		if err != nil {
			return err
		}
		rest, ok, err := missing(all, month)
		if err != nil || !ok {
			return err
		}
		name = partitionName(s.name, month.Format(monthSuffix))
		return owntable.Run(ctx, tx, s.attach(name, rest, month))
	})
	if err != nil {
		return "", err
	}
	return name, nil
}

// attach is the statements that make a partition of a month. rest is the one for all
// other times, or "".
func (s store) attach(name, rest string, month time.Time) []string {
	table, parent := qualified(s.dialect, name), qualified(s.dialect, s.name)
	statements := []string{
		fmt.Sprintf("SET LOCAL lock_timeout = '%ds'", lockWait),
		"CREATE TABLE " + table + " (LIKE " + parent + " INCLUDING DEFAULTS INCLUDING CONSTRAINTS)",
	}
	if rest != "" {
		// Attaching checks that nothing in the default partition belongs here.
		next := month.AddDate(0, 1, 0).Format(dayLayout)
		statements = append(statements,
			"LOCK TABLE ONLY "+qualified(s.dialect, rest)+" IN ACCESS EXCLUSIVE MODE",
			"WITH moved AS (DELETE FROM "+qualified(s.dialect, rest)+" WHERE occurred_at >= '"+month.Format(dayLayout)+" 00:00:00+00' AND occurred_at < '"+
				next+" 00:00:00+00' RETURNING *) INSERT INTO "+table+" SELECT * FROM moved")
	}
	return append(statements, "ALTER TABLE "+parent+" ATTACH PARTITION "+table+" "+postgresBound(month))
}

func (s store) ensureMySQL(ctx context.Context, month time.Time) (name string, err error) {
	conn, err := s.db.Conn(ctx)
	if err != nil {
		return "", err
	}
	defer func() { _ = conn.Close() }() // gives it back
	err = owntable.LockedMySQL(ctx, conn, s.lockKey(), func() error {
		all, err := s.partitions(ctx, conn)
		if err != nil {
			return err
		}
		rest, ok, err := missing(all, month)
		if err != nil || !ok {
			return err
		}
		name = month.Format(monthSuffix)
		change := "ADD PARTITION (" + mysqlPartition(month) + ")"
		if rest != "" {
			// This moves what belongs into the new one.
			rest = dialect.Quote(s.dialect, rest)
			change = "REORGANIZE PARTITION " + rest + " INTO (" + mysqlPartition(month) + ", " + strings.Replace(mysqlRest, "pmax", rest, 1) + ")"
		}
		return withLockWait(ctx, conn, "ALTER TABLE "+qualified(s.dialect, s.name)+" "+change)
	})
	return name, err
}

// withLockWait runs DDL on MySQL without waiting for long for those who use the
// table, since everybody else would wait behind.
func withLockWait(ctx context.Context, conn *sql.Conn, statement string) error {
	var before int
	if err := conn.QueryRowContext(ctx, "SELECT @@lock_wait_timeout").Scan(&before); err != nil {
		return err
	}
	defer func() {
		_, _ = conn.ExecContext(context.WithoutCancel(ctx), "SET SESSION lock_wait_timeout = "+strconv.Itoa(before))
	}()
	if _, err := conn.ExecContext(ctx, "SET SESSION lock_wait_timeout = "+strconv.Itoa(lockWait)); err != nil {
		return err
	}
	_, err := conn.ExecContext(ctx, statement)
	return err
}

// lockKey is the advisory lock of one table, the same in every process.
func (s store) lockKey() int64 {
	return owntable.LockKey("auditplugin partitions\x00" + bareTable(s.name))
}
