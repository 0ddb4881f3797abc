package emitter

import (
	"context"
	"database/sql"
	"errors"
	"sync/atomic"
	"time"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/internal/dialect"
	"github.com/gorm-audit/auditplugin/internal/entry"
	"github.com/gorm-audit/auditplugin/internal/owntable"
)

// The records of a large transaction are not kept in memory for the emitters that want
// them after the commit: the plugin reads them back from its table.

const (
	// backRows and backBytes bound a batch, about.
	backRows  = 500
	backBytes = 4 << 20
	// backTries is how often a table is asked that does not show all records yet, as
	// another node of a cluster may not. Each pause is twice the one before: 0.3 seconds in
	// all.
	backTries = 6
	backPause = 5 * time.Millisecond
)

var _ entry.Reader = (*ownTable)(nil)

// reading is whether a table can be read back.
type reading struct{ refused atomic.Bool }

// readable reports whether the role sees every row of the table.
func (in inspector) readable(ctx context.Context, table dialect.Table) bool {
	name := table.Quoted(in.dialect)
	if query := dialect.FactsOf(in.dialect).SeesAllQuery; query != "" {
		all, err := in.says(ctx, in.conn, query, name)
		return err == nil && all
	}
	return dialect.Known(in.dialect) && owntable.Try(ctx, in.conn, "SELECT 1 FROM "+name+" WHERE 1=0") == nil
}

// ReadsBack reports whether the table may be read, as far as is known.
func (t *ownTable) ReadsBack() bool { return !t.store.reading.refused.Load() }

// Count is how many records of a transaction the table has.
func (t *ownTable) Count(ctx context.Context, conn audit.Conn, transactionID string) (int, error) {
	_, n, err := t.store.span(ctx, conn, transactionID)
	return n, err
}

// span is the first number of a transaction's records, and how many there are.
func (s *store) span(ctx context.Context, conn audit.Conn, transactionID string) (first int64, n int, err error) {
	// Without the + 0, PostgreSQL may walk the whole table for the least number.
	query := "SELECT COALESCE(MIN(seq + 0), 0), COUNT(*) FROM " + s.table.Quoted(s.dialect) + " WHERE transaction_id = ?"
	err = owntable.Each(ctx, conn, func(row *sql.Rows) error { return row.Scan(&first, &n) },
		dialect.Placeholders(s.dialect, query), transactionID)
	return first, n, err
}

// ReadBack calls f with the first n records of a committed transaction, in batches. When
// there are fewer, the table is not read back any more.
func (t *ownTable) ReadBack(ctx context.Context, conn audit.Conn, transactionID string, n int, f func([]audit.Record) error) (read int, err error) {
	s := t.store
	defer func() {
		if read < n {
			s.reading.refused.Store(true)
		}
	}()
	next, err := s.await(ctx, conn, transactionID, n)
	if err != nil {
		return 0, err
	}
	limit := backRows
	for read < n {
		b, err := s.back(ctx, conn, transactionID, next, min(limit, n-read))
		if err != nil || len(b.records) == 0 {
			return read, err
		}
		next = b.records[len(b.records)-1].Seq + 1
		limit = max(1, min(backRows, backBytes*len(b.records)/max(1, b.bytes)))
		read += len(b.records)
		if err := f(b.records); err != nil {
			return read, err
		}
	}
	return read, nil
}

// await is the number of a transaction's first record, once all n can be seen, or have not
// come for a while.
func (s *store) await(ctx context.Context, conn audit.Conn, transactionID string, n int) (first int64, err error) {
	for try := range backTries {
		var there int
		if first, there, err = s.span(ctx, conn, transactionID); err != nil || there >= n {
			return first, err
		}
		time.Sleep(backPause << try)
	}
	return first, nil
}

// back reads the records of a transaction from a number on. It ends early where they are
// large.
func (s *store) back(ctx context.Context, conn audit.Conn, transactionID string, from int64, limit int) (backBatch, error) {
	column := "transaction_id"
	if dialect.FactsOf(s.dialect).MissesNearness {
		// A transaction's numbers are close together. A planner that does not know that
		// would look through the whole transaction for each batch: this keeps it from the
		// index of transactions.
		column = "transaction_id || ''"
	}
	query, args := "SELECT "+dialect.List(s.dialect, "", Columns())+" FROM "+s.table.Quoted(s.dialect)+
		" WHERE "+column+" = ? AND seq >= ? ORDER BY seq LIMIT ?", []any{transactionID, from, limit}
	b := backBatch{records: make([]audit.Record, 0, limit)}
	err := owntable.Each(ctx, conn, func(row *sql.Rows) error {
		if b.bytes > 2*backBytes {
			return errEnough
		}
		r, err := ReadRecord(measured{row, &b.bytes})
		if err != nil {
			return err
		}
		b.records = append(b.records, r)
		return nil
	}, dialect.Placeholders(s.dialect, query), args...)
	if errors.Is(err, errEnough) {
		err = nil
	}
	return b, err
}

// backBatch is what one statement returned.
type backBatch struct {
	records []audit.Record
	bytes   int // of the JSON in them
}

// errEnough ends a batch.
var errEnough = errors.New("auditplugin: the batch is large enough")

// measured counts the JSON of a row that is scanned.
type measured struct {
	*sql.Rows
	bytes *int
}

func (m measured) Scan(dest ...any) error {
	err := m.Rows.Scan(dest...)
	for _, d := range dest {
		if text, ok := d.(*[]byte); ok {
			*m.bytes += len(*text)
		}
	}
	return err
}
