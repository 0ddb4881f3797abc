package relay

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"
)

// errCannotList says that the role may not see the transactions under way, or that
// the server's list of them is too old.
var errCannotList = errors.New("auditplugin: transactions under way cannot be listed")

// holders returns names of the transactions that may have written records and are
// not over. A transaction that is missing has ended, and what it committed is
// visible to the next statement.
func (s *store) holders(ctx context.Context) (map[string]bool, error) {
	switch s.dialect {
	case postgres:
		return s.postgresHolders(ctx)
	case mysql:
		return s.mysqlTransactions(ctx)
	}
	return nil, nil
}

// postgresHolders lists who holds the lock that an INSERT takes on its table before
// it asks for a sequence number, and keeps until its transaction is over. Prepared
// transactions are among them.
func (s *store) postgresHolders(ctx context.Context) (map[string]bool, error) {
	rows, err := s.db.QueryContext(ctx, `SELECT DISTINCT virtualtransaction FROM pg_catalog.pg_locks
		WHERE locktype = 'relation' AND mode = 'RowExclusiveLock' AND granted
		AND database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
		AND (relation = to_regclass($1) OR relation IN (SELECT relid FROM pg_partition_tree(to_regclass($1))))`,
		s.tables.audit.quoted(postgres))
	if err != nil {
		return nil, fmt.Errorf("auditplugin: relay: reading pg_locks: %w", err)
	}
	defer rows.Close()
	open := make(map[string]bool)
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return nil, fmt.Errorf("auditplugin: relay: reading pg_locks: %w", err)
		}
		open[id] = true
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("auditplugin: relay: reading pg_locks: %w", err)
	}
	return open, nil
}

// mysqlTransactions lists InnoDB's transactions. The server answers from a copy that
// is made anew only if nobody has read it for a tenth of a second; it is new if our
// own statement is in it.
func (s *store) mysqlTransactions(ctx context.Context) (map[string]bool, error) {
	conn, err := s.db.Conn(ctx)
	if err != nil {
		return nil, fmt.Errorf("auditplugin: relay: no connection: %w", err)
	}
	defer conn.Close()
	if _, err := conn.ExecContext(ctx, "START TRANSACTION WITH CONSISTENT SNAPSHOT"); err != nil {
		return nil, fmt.Errorf("auditplugin: relay: listing transactions: %w", err)
	}
	defer func() { _, _ = conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK") }()
	for range 5 {
		open, fresh, err := listInnoDB(ctx, conn)
		if err != nil {
			if strings.Contains(err.Error(), "1227") { // ER_SPECIFIC_ACCESS_DENIED_ERROR
				return nil, errCannotList
			}
			return nil, fmt.Errorf("auditplugin: relay: listing transactions: %w", err)
		}
		if fresh {
			return open, nil
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(130 * time.Millisecond):
		}
	}
	return nil, errors.New("auditplugin: relay: INNODB_TRX is read so often that it never changes")
}

func listInnoDB(ctx context.Context, conn *sql.Conn) (open map[string]bool, fresh bool, err error) {
	mark := "auditplugin relay " + rand.Text()
	rows, err := conn.QueryContext(ctx, "SELECT /* "+mark+" */ trx_id, trx_started, trx_mysql_thread_id, COALESCE(trx_query, '') FROM information_schema.INNODB_TRX")
	if err != nil {
		return nil, false, err
	}
	defer rows.Close()
	open = make(map[string]bool)
	for rows.Next() {
		var id, started, thread, query string
		if err := rows.Scan(&id, &started, &thread, &query); err != nil {
			return nil, false, err
		}
		if strings.Contains(query, "auditplugin relay ") && strings.Contains(query, "INNODB_TRX") {
			fresh = fresh || strings.Contains(query, mark)
			continue // ours, or another relay's: it writes nothing
		}
		// The id of a transaction changes with its first write.
		if thread != "0" {
			id = started + " " + thread
		}
		open[id] = true
	}
	return open, fresh, rows.Err()
}
