package txn

import (
	"context"
	"database/sql"
	"strings"
	"sync/atomic"
	"time"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/internal/neighbour"
	"github.com/gorm-audit/auditplugin/internal/sqltext"
)

// closeEvery is how often a connection is asked whether it was closed.
const closeEvery = 50 * time.Millisecond

// byHand is a transaction that the application began on a connection of its own, by sending
// BEGIN. One of ours would end it. It is out of sight: its statements tell where it ends, and
// not how.
type byHand struct {
	*sql.Conn
	over atomic.Bool
}

var _ gorm.Tx = (*byHand)(nil)

// Commit leaves the transaction to the application.
func (*byHand) Commit() error { return nil }

// Rollback leaves it to the application, too.
func (*byHand) Rollback() error { return nil }

// StmtContext is the statement itself, which is the connection's.
func (*byHand) StmtContext(_ context.Context, stmt *sql.Stmt) *sql.Stmt { return stmt }

// noticeHand looks at a statement that is about to run for what begins and ends a
// transaction on a connection.
func (f *Follower) noticeHand(cp gorm.ConnPool, query string) {
	conn, ok := neighbour.Pool(cp).(*sql.Conn)
	if !ok {
		return
	}
	for _, act := range sqltext.Parse(f.Dialect.Name(), query) {
		begins, ends := act.Kind == sqltext.Begin, act.Kind == sqltext.Commit || act.Kind == sqltext.Rollback || act.ImplicitCommit
		switch words := strings.Fields(strings.ToUpper(query)); {
		case act.Kind == sqltext.TwoPhase && words[0] == "XA" && len(words) > 1:
			// Nothing can be written between its END and its COMMIT.
			begins, ends = words[1] == "START" || words[1] == "BEGIN", words[1] == "END"
		case ends:
			// COMMIT AND CHAIN begins another one.
			begins = begins || sqltext.Mentions(query, "CHAIN") && !sqltext.Mentions(query, "NO")
		}
		if ends || begins && f.Dialect.BeginEnds {
			if tx, open := f.hands.LoadAndDelete(conn); open {
				tx.(*byHand).over.Store(true)
			}
		}
		if begins {
			tx := &byHand{Conn: conn}
			if _, open := f.hands.LoadOrStore(conn, tx); !open {
				go f.awaitClose(tx)
			}
		}
	}
}

// awaitClose forgets a transaction whose connection was given back without an end to it.
func (f *Follower) awaitClose(tx *byHand) {
	for !tx.over.Load() {
		if neighbour.IsClosed(tx.Conn) {
			tx.over.Store(true)
			f.hands.CompareAndDelete(tx.Conn, tx)
		}
		time.Sleep(closeEvery)
	}
}

// hand is the transaction that was begun by hand where a statement runs, or nil.
func (f *Follower) hand(cp gorm.ConnPool) *byHand {
	conn, ok := neighbour.Pool(cp).(*sql.Conn)
	if !ok {
		return nil
	}
	tx, ok := f.hands.Load(conn)
	if !ok {
		return nil
	}
	return tx.(*byHand)
}

// isOver reports whether a transaction out of sight has ended.
func isOver(tx gorm.Tx) bool {
	switch tx := tx.(type) {
	case *sql.Tx:
		return neighbour.IsDone(tx)
	case *byHand:
		return tx.over.Load()
	}
	return true
}
