package txn

import (
	"context"

	"github.com/gorm-audit/auditplugin/internal/dialect"
	"github.com/gorm-audit/auditplugin/internal/neighbour"
)

// Failed notices errors after which the transaction is no longer what it was.
func (l *Ledger) Failed(err error) {
	if err == nil || l.ctx.Err() != nil {
		return
	}
	if l.f.Dialect.Is(err, dialect.Stale) {
		l.f.Catalog.Clear()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ended(err)
}

// ended finds out whether the server ended the transaction, by the error that it gave or,
// where err is nil, by one that nobody has seen. Errors alone do not tell: whether a
// deadlock or a lock that did not come ends more than its statement is a matter of the
// server's version, its settings, and what was locked. The caller holds mu.
func (l *Ledger) ended(err error) {
	if l.done || l.lost || l.unseen || l.autocommit {
		return
	}
	if open, known := l.isOpen(); known && !open || open && l.endedBy(err) {
		l.drop()
	}
}

// isOpen asks the server whether the transaction is open. known is false where it can not
// be told. The caller holds mu.
func (l *Ledger) isOpen() (open, known bool) {
	d := l.f.Dialect
	switch {
	case d.InTransactionQuery != "":
		n, err := l.Int(l.ctx, d.InTransactionQuery)
		return n != 0, err == nil
	case d.EndedProbe != "":
		if _, err := l.conn.ExecContext(l.ctx, d.EndedProbe); err != nil {
			return true, true
		}
		_, _ = l.conn.ExecContext(l.ctx, d.EndedUndo) // an error would mean that there is nothing to undo
		return false, true
	case d.PointProbe:
		if _, err := l.conn.ExecContext(l.ctx, "SAVEPOINT auditplugin_open"); err != nil {
			return false, false
		}
		_, err := l.conn.ExecContext(l.ctx, "RELEASE SAVEPOINT auditplugin_open")
		return err == nil, err == nil || d.Is(err, dialect.NoPoint)
	}
	return false, false
}

// endedBy asks what an error means where the server can not be asked for the transaction
// itself. The caller holds mu.
func (l *Ledger) endedBy(err error) bool {
	d := l.f.Dialect
	if err == nil || d.EndedByQuery == nil {
		return false
	}
	query := d.EndedByQuery(err)
	if query == "" {
		return false
	}
	n, qerr := l.Int(l.ctx, query)
	return qerr == nil && n != 0
}

// suspected asks whether an error that went by unseen, while rows were read, ended the
// transaction. The caller holds mu.
func (l *Ledger) suspected() {
	if l.suspect {
		l.suspect = false
		l.ended(nil)
	}
}

// Remains reports whether a statement whose rows could not be read to the end may have been
// done all the same. A server that reports an error undoes the statement. An error of the
// driver, such as a context that ended between two rows, says nothing of it, as long as the
// transaction goes on.
func (l *Ledger) Remains(err error) bool {
	switch neighbour.Why(err) {
	case "", context.Canceled.Error(), context.DeadlineExceeded.Error():
	default:
		return false
	}
	if l.IsLost() {
		return false
	}
	_, err = l.conn.ExecContext(context.WithoutCancel(l.ctx), "SELECT 1")
	return err == nil
}
