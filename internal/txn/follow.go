package txn

import (
	"context"
	"slices"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/internal/dialect"
	"github.com/gorm-audit/auditplugin/internal/sqltext"
)

// before looks at a statement of the application that is about to run.
func (l *Ledger) before(ctx context.Context, query string) ([]sqltext.Statement, error) {
	if !l.f.noteworthy(query) {
		return nil, nil
	}
	acts := sqltext.Parse(l.f.Dialect.Name(), query)
	flush := l.f.mentionsAuditTable(query)
	l.mu.Lock()
	defer l.mu.Unlock()
	if changesSession(acts, query) {
		l.renamed.Store(true)
	}
	for _, a := range acts {
		flush = flush || a.ImplicitCommit
		l.suspect = l.suspect || a.Kind == sqltext.Select && mayLock(query)
	}
	if !flush || l.done {
		return acts, nil
	}
	return acts, l.flush(ctx)
}

// after follows what a statement of the application did to the transaction.
func (l *Ledger) after(ctx context.Context, acts []sqltext.Statement, err error) {
	if err != nil {
		l.Failed(err)
		// MySQL commits before it runs such a statement, and so also when the
		// statement then fails, unless it does not even parse.
		acts = slices.DeleteFunc(acts, func(a sqltext.Statement) bool {
			return !a.ImplicitCommit || l.f.Dialect.Is(err, dialect.Unparsed)
		})
	}
	if len(acts) == 0 {
		return
	}
	l.mu.Lock()
	var announce []audit.Record
	for _, a := range acts {
		switch {
		case a.ImplicitCommit:
			l.points = nil
			l.autocommit = true
			l.f.ForgetDefinitions()
			announce = append(announce, l.take()...)
		case a.Kind == sqltext.Savepoint:
			l.setPoint(a)
		case a.Kind == sqltext.RollbackTo:
			l.rollbackTo(a)
		case a.Kind == sqltext.Release:
			l.release(a)
		case a.Kind == sqltext.DDL:
			l.ddl.Store(true)
			l.f.ForgetDefinitions()
		}
	}
	l.mu.Unlock()
	l.f.Delivery.Announce(ctx, announce)
}

// Failed notices errors after which the transaction is no longer what it was.
func (l *Ledger) Failed(err error) {
	if err == nil || l.ctx.Err() != nil {
		return
	}
	d := l.f.Dialect
	kind := d.Error(err)
	if kind&dialect.Stale != 0 {
		l.f.ForgetDefinitions()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.done || l.unseen {
		return
	}
	if kind&dialect.Lost != 0 {
		l.drop()
	}
	if d.EndedProbe == "" {
		return
	}
	if _, err := l.conn.ExecContext(l.ctx, d.EndedProbe); err == nil {
		_, _ = l.conn.ExecContext(l.ctx, d.EndedUndo) // an error would mean that there is nothing to undo
		l.drop()
	}
}
