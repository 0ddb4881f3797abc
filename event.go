package auditplugin

import (
	"database/sql"
	"fmt"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/internal/txn"
)

// Event records something that is not a row change: a sign-in, a refused access,
// the reading of a sensitive row. In a transaction it commits or rolls back with
// it; outside one it is written at once.
//
// What r leaves empty is filled in from the context of tx: ID, Time, Actor, Reason
// and so on. Action defaults to audit.Event, Outcome to audit.Success. The values
// of r are recorded as they are: put no secrets in them. It fails with ErrClosed
// after Close, with [sql.ErrTxDone] when tx was committed or rolled back, and with
// ErrInvalidOption when the plugin is not installed on tx; with the plugin turned
// off by WithEnabled(false) it does nothing.
func Event(tx *gorm.DB, r audit.Record) error {
	if tx == nil || tx.Config == nil {
		return fmt.Errorf("%w: Event: no database", ErrInvalidOption)
	}
	p, ok := tx.Plugins["auditplugin"].(*Plugin)
	if !ok {
		return fmt.Errorf("%w: Event: auditplugin is not installed on this database", ErrInvalidOption)
	}
	if p.cfg.disabled {
		return nil
	}
	if p.gate.Closed.Load() {
		return fmt.Errorf("%w: event refused", ErrClosed)
	}
	ctx, cp := tx.Statement.Context, tx.Statement.ConnPool
	r = p.origin.Complete(ctx, r)
	if l, ok := p.follower.Seen(cp); ok {
		if l.Ended() {
			return fmt.Errorf("auditplugin: event refused: %w", sql.ErrTxDone)
		}
		r.TransactionID = l.ID
		return l.Add(ctx, []audit.Record{r}, false)
	}
	if l, ok := p.follower.Unseen(ctx, cp); ok {
		r.TransactionID = l.ID
		return l.Add(ctx, []audit.Record{r}, false)
	}
	there := p.follower.DeliveryAt(cp)
	conn := there.Outside
	if c, ok := cp.(*sql.Conn); ok {
		conn = c // the pool may have no second connection to give
	}
	return there.Event(ctx, conn, r)
}

// SQLTx returns the *sql.Tx that GORM's transaction tx runs on, for libraries that
// take part in it. What they write through it is not recorded. It fails with
// [gorm.ErrInvalidTransaction] when tx is not in a transaction.
//
//	sqlTx, err := auditplugin.SQLTx(tx)
func SQLTx(tx *gorm.DB) (*sql.Tx, error) {
	if tx == nil || tx.Statement == nil {
		return nil, fmt.Errorf("auditplugin: SQLTx: %w", gorm.ErrInvalidTransaction)
	}
	return txn.SQLTx(tx.Statement.ConnPool)
}
