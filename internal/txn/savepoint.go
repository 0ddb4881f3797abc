package txn

import (
	"context"
	"slices"

	"github.com/gorm-audit/auditplugin/internal/delivery"
	"github.com/gorm-audit/auditplugin/internal/observe"
	"github.com/gorm-audit/auditplugin/internal/sqltext"
)

// savepoint remembers how far the records were when it was set.
type savepoint struct {
	name    string
	len     int
	flushed int
	poison  error
	// pending are the records from flushed to len, once the buffer has them no more.
	pending delivery.Batch
	lenient []bool
	tally   *observe.Tally
}

func (l *Ledger) setPoint(a sqltext.Statement) {
	name := l.f.Dialect.SavepointKey(a.Name, a.Quoted)
	if l.f.Dialect.PointsReplace {
		for i, p := range l.points {
			if p.name == name {
				l.points = append(l.points[:i], l.points[i+1:]...)
				break
			}
		}
	}
	l.points = append(l.points, savepoint{name: name, len: l.base + l.buffer.Len(), flushed: l.flushed, poison: l.poison, tally: l.tally.Clone()})
}

func (l *Ledger) rollbackTo(a sqltext.Statement) {
	name := l.f.Dialect.SavepointKey(a.Name, a.Quoted)
	for i := len(l.points) - 1; i >= 0; i-- {
		p := l.points[i]
		if p.name != name {
			continue
		}
		if l.base > p.flushed { // the buffer was emptied since
			l.base, l.buffer, l.lenient = p.flushed, p.pending.Part(0, p.pending.Len()), slices.Clone(p.lenient)
		} else {
			l.buffer.Truncate(p.len - l.base)
			l.lenient = l.lenient[:p.len-l.base]
		}
		// What was flushed after the savepoint left the table with the rollback.
		l.flushed = min(l.flushed, p.flushed)
		l.poison, l.tally = p.poison, p.tally.Clone()
		l.weigh()
		l.points = l.points[:i+1]
		return
	}
}

// release merges a savepoint into what surrounds it.
func (l *Ledger) release(a sqltext.Statement) {
	name := l.f.Dialect.SavepointKey(a.Name, a.Quoted)
	for i := len(l.points) - 1; i >= 0; i-- {
		if l.points[i].name == name {
			l.points = l.points[:i]
			return
		}
	}
}

// Our own savepoints have names that need no quotes.

// SetPoint sets a savepoint of ours.
func (l *Ledger) SetPoint(ctx context.Context, name string) error {
	return l.point(ctx, "SAVEPOINT ", name, l.setPoint)
}

// RollbackTo undoes what came after a savepoint of ours, the records included.
func (l *Ledger) RollbackTo(ctx context.Context, name string) error {
	return l.point(ctx, "ROLLBACK TO SAVEPOINT ", name, l.rollbackTo)
}

// Forget ends a savepoint of ours in the books.
func (l *Ledger) Forget(name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.release(sqltext.Statement{Name: name})
}

func (l *Ledger) point(ctx context.Context, act, name string, note func(sqltext.Statement)) error {
	l.used.Store(true)
	if _, err := l.conn.ExecContext(ctx, act+name); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	note(sqltext.Statement{Name: name})
	return nil
}
