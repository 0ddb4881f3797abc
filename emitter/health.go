package emitter

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/internal/dialect"
	"github.com/gorm-audit/auditplugin/internal/fault"
	"github.com/gorm-audit/auditplugin/internal/neighbour"
	"github.com/gorm-audit/auditplugin/internal/observe"
	"github.com/gorm-audit/auditplugin/internal/owntable"
)

var (
	_ audit.Checker = (*ownTable)(nil)
	_ audit.Checker = (*otherTable)(nil)
	_ audit.Checker = (*AsyncEmitter)(nil)
	_ audit.Named   = (*AsyncEmitter)(nil)
)

// Name returns "table".
func (t *ownTable) Name() string { return "table" }

// Name returns "table elsewhere".
func (t *otherTable) Name() string { return "table elsewhere" }

// Health returns nil if the table takes INSERTs.
func (t *ownTable) Health(ctx context.Context) error { return t.store.takesInserts(ctx) }

// Health returns nil if the table takes INSERTs.
func (t *otherTable) Health(ctx context.Context) error { return t.store.takesInserts(ctx) }

// takesInserts tries an INSERT of no row. That asks for the right, finds a table that is
// gone and a server that only reads, and uses no number of seq, which relays would miss.
// Where the SQL is not known, the server is asked whether it is there.
func (s *store) takesInserts(ctx context.Context) error {
	if !dialect.Known(s.dialect) {
		if err := s.db.PingContext(ctx); err != nil {
			return fault.Quiet("auditplugin: "+s.table.Name+" can not be reached"+neighbour.Because(err), err)
		}
		return nil
	}
	columns := Columns()[1:]
	for i, name := range columns {
		columns[i] = dialect.Quote(s.dialect, name)
	}
	query := "INSERT INTO " + s.table.Quoted(s.dialect) + " (" + strings.Join(columns, ", ") + ") SELECT NULL" +
		strings.Repeat(", NULL", len(columns)-1) + " FROM (SELECT 1 AS n) AS probe WHERE n = 0"
	err := owntable.InTx(ctx, s.db, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, query)
		return err
	})
	if err != nil {
		return fault.Quiet("auditplugin: "+s.table.Name+" can not be reached, or takes no INSERT"+neighbour.Because(err), err)
	}
	return nil
}

// Name returns the name of the emitter that the queue is for.
func (a *AsyncEmitter) Name() string { return observe.NameOf(a.child) }

// Health returns an error that wraps [ErrQueueFull] if the queue is full, or [ErrClosed]
// after Close, and otherwise what the emitter says that the queue is for, if it can tell.
func (a *AsyncEmitter) Health(ctx context.Context) error { return a.health(ctx, a.child) }

// Health is that of the emitter bound to the database.
func (b *boundAsync) Health(ctx context.Context) error { return b.health(ctx, b.target) }

func (a *AsyncEmitter) health(ctx context.Context, target audit.Emitter) error {
	a.mu.Lock()
	closed := a.closed
	a.mu.Unlock()
	switch {
	case a.err != nil:
		return a.err
	case closed:
		return ErrClosed
	case len(a.queue) == cap(a.queue):
		return fmt.Errorf("%w: %d batches wait", ErrQueueFull, len(a.queue))
	}
	if c, ok := target.(audit.Checker); ok {
		return c.Health(ctx)
	}
	return nil
}
