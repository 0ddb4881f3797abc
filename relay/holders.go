package relay

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/gorm-audit/auditplugin/internal/owntable"
)

// errCannotList says that the role may not see the transactions under way, or that
// the server's list of them is too old.
var errCannotList = errors.New("auditplugin: transactions under way cannot be listed")

// writers lists who may have written to the audit table.
func (s *store) writers(ctx context.Context) (map[string]bool, error) {
	open := make(map[string]bool)
	ids, err := owntable.Texts(ctx, s.db, s.facts().WritersQuery, s.tables.audit.Quoted(s.dialect))
	for _, id := range ids {
		open[id] = true
	}
	return open, failed("reading pg_locks", err)
}

// transactions lists InnoDB's transactions. The server answers from a copy that
// is made anew only if nobody has read it for a tenth of a second; it is new if our
// own statement is in it.
func (s *store) transactions(ctx context.Context) (map[string]bool, error) {
	conn, err := s.db.Conn(ctx)
	if err != nil {
		return nil, failed("no connection", err)
	}
	defer conn.Close()
	if _, err := conn.ExecContext(ctx, "START TRANSACTION WITH CONSISTENT SNAPSHOT"); err != nil {
		return nil, failed("listing transactions", err)
	}
	defer func() { _, _ = conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK") }()
	for range 5 {
		open, fresh, err := s.listTransactions(ctx, conn)
		if err != nil {
			if strings.Contains(err.Error(), "1227") { // ER_SPECIFIC_ACCESS_DENIED_ERROR
				return nil, errCannotList
			}
			return nil, failed("listing transactions", err)
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

func (s *store) listTransactions(ctx context.Context, conn *sql.Conn) (open map[string]bool, fresh bool, err error) {
	mark := "auditplugin relay " + rand.Text()
	open = make(map[string]bool)
	err = owntable.Each(ctx, conn, func(row *sql.Rows) error {
		var id, started, thread, query string
		if err := row.Scan(&id, &started, &thread, &query); err != nil {
			return err
		}
		if strings.Contains(query, "auditplugin relay ") && strings.Contains(query, "INNODB_TRX") {
			fresh = fresh || strings.Contains(query, mark)
			return nil // ours, or another relay's: it writes nothing
		}
		// The id of a transaction changes with its first write.
		if thread != "0" {
			id = started + " " + thread
		}
		open[id] = true
		return nil
	}, fmt.Sprintf(s.facts().TransactionsQuery, mark))
	return open, fresh, err
}
