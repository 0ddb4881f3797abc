package txn

import (
	"context"
	"slices"

	"github.com/gorm-audit/auditplugin/internal/dialect"
	"github.com/gorm-audit/auditplugin/internal/sqltext"
)

// before looks at a statement of the application that is about to run.
func (l *Ledger) before(ctx context.Context, query string) ([]sqltext.Statement, error) {
	l.used.Store(true)
	if !l.f.noteworthy(query) {
		return nil, nil
	}
	acts := sqltext.Parse(l.f.Dialect.Name(), query)
	flush := l.f.mentionsAuditTable(query)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.changes(sqltext.Effects(l.f.Dialect.Name(), query))
	for _, a := range acts {
		flush = flush || a.ImplicitCommit
		l.suspect = l.suspect || l.f.Dialect.ErrorsGoUnseen && a.Kind == sqltext.Select && mayLock(query)
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
	var n news
	for _, a := range acts {
		switch {
		case a.ImplicitCommit:
			l.points = nil
			l.autocommit = true
			n.tally = l.tallied()
			l.f.Catalog.Clear()
			if l.behind() == 0 || !l.f.Delivery.Keeps() { // otherwise they are read back at the end
				if now := l.take(); now.N > 0 {
					n.told = now
				}
			}
		case a.Kind == sqltext.Savepoint:
			l.setPoint(a)
		case a.Kind == sqltext.RollbackTo:
			l.rollbackTo(a)
			l.place.asked = false // settings are rolled back as well
		case a.Kind == sqltext.Release:
			l.release(a)
		case a.Kind == sqltext.DDL:
			l.ddl.Store(true)
			l.f.Catalog.Clear()
		}
	}
	l.weigh()
	l.mu.Unlock()
	l.tell(ctx, n)
}
